"""`make alerts`: every alert rule fired once, by a real cause, on a real stack that a real Prometheus scrapes.

Only the rules' patience is shortened: `for` is nothing, and rates look back one minute.
"""
