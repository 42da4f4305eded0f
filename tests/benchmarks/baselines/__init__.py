"""What the pipeline is measured against, in the same API process, behind the same middleware.

* `direct`: validates, decides and writes to PostgreSQL within the request, no queue;
* `per_command`: one Celery task a command, prefork 2, the request waits for its outcome;
* `noop`: validates and answers.

Where there was a choice, it was made in the baseline's favour: no inbox row, no idempotency key,
one statement to read and one to write, no ring for the relay.
"""
