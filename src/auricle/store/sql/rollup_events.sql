-- How many events of a name there were in each half hour, by site and source (docs/decisions/0011).
--
-- A segment holds what was received within one stretch of time; those that count stand in the relational database.
CREATE TABLE IF NOT EXISTS rollup_events
(
    segment     UInt64,
    tenant_id   LowCardinality(String),
    event_name  LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When the half hour begins.',
    site_id     String CODEC(ZSTD(1)),
    source      LowCardinality(String),
    events      UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY segment
ORDER BY (tenant_id, event_name, occurred_at)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_rows_to_fsync_after_merge = 1,
    old_parts_lifetime = 1,
    cleanup_delay_period = 3,
    cleanup_delay_period_random_add = 0,
    max_cleanup_delay_period = 6,
    min_bytes_for_wide_part = 100000000
