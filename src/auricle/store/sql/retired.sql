-- The ids of events that are no longer kept, so that a late repetition of one is still a repetition (docs/decisions/0010).
--
-- An id, its tenant, the month it was received in and the sweep that took it: nothing of what the event held.
-- Written before the rows of `events` go. What is written twice, by a sweep that was killed, becomes one with a merge.
CREATE TABLE IF NOT EXISTS retired
(
    event_id  UUID,
    tenant_id LowCardinality(String),
    month     Date,
    sweep     LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY month
ORDER BY (event_id, tenant_id)
SETTINGS
    -- A look-up of one id reads one granule of each part.
    index_granularity = 1024,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1
