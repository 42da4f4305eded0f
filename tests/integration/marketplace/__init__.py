"""The marketplace contract, over HTTP and on the real stack."""
