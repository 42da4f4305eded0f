"""Commands over HTTP: accepted into the inbox, waited for, polled and withdrawn."""
