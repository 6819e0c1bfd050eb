-- Which events a sweep takes away: those of a tenant, a name and a dataset that were received on one day. Gone with it.
--
-- The text of a deletion stays on the disk, so it names none of this: it asks this table.
CREATE TABLE IF NOT EXISTS expiring
(
    sweep      UUID,
    tenant_id  LowCardinality(String),
    event_name LowCardinality(String),
    dataset    String,
    day        Date
)
ENGINE = MergeTree
PARTITION BY sweep
ORDER BY (tenant_id, event_name, dataset, day)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1
