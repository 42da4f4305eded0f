"""Commands on disk.

`acceptance` writes them before they are acknowledged, `reading` and `lane_batches` give a lane its next batch,
`outcomes` keeps what became of them, and `unfinished` what stays for a later visit.
"""
