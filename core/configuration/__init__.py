"""How settings are read: their forms, their secrets from files, and a record of it all for `holdfast config`."""
