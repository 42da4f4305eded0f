"""Wall times across an upgrade of tzdata: `upgrade` plans (`plan`), moves (`moves`) and reports."""
