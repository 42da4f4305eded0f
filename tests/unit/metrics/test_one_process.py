"""What one worker counts, whichever queues it serves."""

from __future__ import annotations

from workers.metrics import delivery_metrics, lane_metrics, payment_metrics


def test_a_worker_of_every_queue_has_each_metric_once() -> None:
    lane_metrics()
    assert payment_metrics().pools is delivery_metrics().pools
