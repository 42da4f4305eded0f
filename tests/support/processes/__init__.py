"""Servers and processes that tests start, stop, freeze and put proxies before."""
