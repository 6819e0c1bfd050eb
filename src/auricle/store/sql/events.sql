-- The events, for ever. One row an event; (tenant_id, event_id) is unique because the indexer makes it so.
--
-- attributes and context are the JSON as it was accepted, to the letter (docs/decisions/0003).
-- The sort key serves every report: a tenant, a handful of names, a range of time.
CREATE TABLE IF NOT EXISTS events
(
    tenant_id   LowCardinality(String),
    event_id    UUID,
    event_name  LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    site_id     String CODEC(ZSTD(1)),
    session_id  String CODEC(ZSTD(1)),
    user_id     String CODEC(ZSTD(1)),
    source      LowCardinality(String),
    schema_id   LowCardinality(String),
    attributes  String CODEC(ZSTD(1)),
    context     String CODEC(ZSTD(1)),
    INDEX by_event_id event_id TYPE bloom_filter(0.001) GRANULARITY 1,
    -- What was received after the rollups were made (docs/decisions/0011).
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant_id, event_name, occurred_at)
SETTINGS
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    non_replicated_deduplication_window = 1000,
    -- What a merge writes is synced too: the engine removes the synced parts that it was made of at once.
    min_rows_to_fsync_after_merge = 1,
    -- How soon parts that count no longer leave the disk (seconds): an erasure waits for it. By default up to 300.
    cleanup_delay_period = 3,
    cleanup_delay_period_random_add = 0,
    max_cleanup_delay_period = 6,
    -- An insert of the indexer stays below this and is written as one file, not as one a column: each is fsynced.
    min_bytes_for_wide_part = 100000000
