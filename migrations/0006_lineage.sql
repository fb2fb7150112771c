-- Lineage: what each run really made, and of what. Read from the plans that were executed; it stays when runs are archived, so that
-- 'what did yesterday's run read' has an answer after a reset.

-- What makes a table of others, as JSON of the lake's Job; another version of it is another row.
CREATE TABLE lineage_jobs (
    digest TEXT NOT NULL CONSTRAINT lineage_jobs_pk PRIMARY KEY,
    output TEXT NOT NULL,
    job    TEXT NOT NULL
);

-- A table that a step of a run made a version of. A stream's tables stand under the stream's id, compaction by schedule under its own.
CREATE TABLE lineage (
    id         INTEGER NOT NULL CONSTRAINT lineage_pk PRIMARY KEY,
    run_id     TEXT    NOT NULL,
    position   BIGINT  NOT NULL,
    output     TEXT    NOT NULL,
    digest     TEXT    NOT NULL CONSTRAINT lineage_job_fk REFERENCES lineage_jobs (digest),
    started_at BIGINT  NOT NULL,
    ended_at   BIGINT  NOT NULL,
    -- The newest version that was committed; NULL = what was read led to none (yet).
    version    BIGINT,
    -- JSON: what was read (files, days), the first hundred.
    reads      TEXT    NOT NULL,
    read_count BIGINT  NOT NULL,
    -- Told to the configured OpenLineage endpoint.
    emitted    BOOLEAN NOT NULL DEFAULT FALSE,
    CONSTRAINT lineage_key UNIQUE (run_id, position, output)
);
CREATE INDEX lineage_of_output ON lineage (output, id);

-- OpenLineage run events of others, as they came.
CREATE TABLE lineage_events (
    id          INTEGER NOT NULL CONSTRAINT lineage_events_pk PRIMARY KEY,
    received_at BIGINT  NOT NULL,
    run_id      TEXT    NOT NULL,
    event_type  TEXT    NOT NULL,
    event_time  TEXT    NOT NULL,
    job         TEXT    NOT NULL,
    event       TEXT    NOT NULL,
    -- An event that comes twice is one.
    CONSTRAINT lineage_events_key UNIQUE (run_id, event_type, event_time, job)
);
