-- The control database: customers, deliveries, runs, the story's state, events. Times are UTC milliseconds since the epoch.

CREATE TABLE settings (
    name  TEXT NOT NULL CONSTRAINT settings_pk PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE customers (
    id         TEXT   NOT NULL CONSTRAINT customers_pk PRIMARY KEY,
    title      TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- The ledger: what was decided about each marker. Ingestion = markers that exist minus markers in here.
CREATE TABLE deliveries (
    customer          TEXT   NOT NULL,
    dataset           TEXT   NOT NULL,
    date              TEXT   NOT NULL,
    -- 0 = claimed by a run that is about to write the marker itself.
    marker_generation BIGINT NOT NULL,
    decision          TEXT   NOT NULL CONSTRAINT deliveries_decision_check CHECK (decision IN ('claimed', 'ingested', 'duplicate', 'refused', 'failed')),
    reason            TEXT,
    run_id            TEXT,
    -- JSON array of {name, size, generation}: exactly the files that the run lists.
    files             TEXT   NOT NULL,
    decided_at        BIGINT NOT NULL,
    CONSTRAINT deliveries_pk PRIMARY KEY (customer, dataset, date, marker_generation)
);
CREATE INDEX deliveries_of_run ON deliveries (run_id);

CREATE TABLE runs (
    id             TEXT    NOT NULL CONSTRAINT runs_pk PRIMARY KEY,
    number         BIGINT  NOT NULL CONSTRAINT runs_number_key UNIQUE,
    kind           TEXT    NOT NULL CONSTRAINT runs_kind_check CHECK (kind IN ('seed', 'upload', 'ingest', 'reset')),
    title          TEXT    NOT NULL,
    state          TEXT    NOT NULL CONSTRAINT runs_state_check CHECK (state IN ('queued', 'running', 'done', 'failed', 'stopped')),
    -- JSON of the job: everything that is needed to resume it.
    job            TEXT    NOT NULL,
    customer       TEXT,
    started_by     TEXT    NOT NULL,
    story_step     TEXT,
    -- At most one queued or running run for each key: two browsers pressing the same button make one run.
    dedupe_key     TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    started_at     BIGINT,
    ended_at       BIGINT,
    attempt        BIGINT  NOT NULL DEFAULT 1,
    stop_requested BOOLEAN NOT NULL DEFAULT FALSE,
    -- How often it was resumed after a crash since a step or chunk was last finished: too often = failed.
    resumes        BIGINT  NOT NULL DEFAULT 0,
    error          TEXT,
    -- JSON: what came out (see server/src/runs/summary.rs).
    summary        TEXT    NOT NULL DEFAULT '{}',
    -- Set by a reset: kept for the record, shown in no list.
    archived       BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX runs_active_key ON runs (dedupe_key) WHERE state IN ('queued', 'running');
CREATE INDEX runs_listed ON runs (archived, number);

CREATE TABLE run_steps (
    run_id     TEXT   NOT NULL CONSTRAINT run_steps_run_fk REFERENCES runs (id) ON DELETE CASCADE,
    position   BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    title      TEXT   NOT NULL,
    state      TEXT   NOT NULL CONSTRAINT run_steps_state_check CHECK (state IN ('later', 'running', 'done', 'warn', 'failed', 'skipped')),
    started_at BIGINT,
    ended_at   BIGINT,
    -- JSON Progress of the data plane, last written at a step or chunk boundary.
    progress   TEXT   NOT NULL DEFAULT '{}',
    -- JSON outcome of the step (BronzeOutcome, ZoneOutcome, PurgeItems, …).
    outcome    TEXT   NOT NULL DEFAULT '{}',
    CONSTRAINT run_steps_pk PRIMARY KEY (run_id, position)
);

-- Days that a step of a run has finished: what a resumed run skips.
CREATE TABLE run_days (
    run_id   TEXT NOT NULL CONSTRAINT run_days_run_fk REFERENCES runs (id) ON DELETE CASCADE,
    step     TEXT NOT NULL,
    customer TEXT NOT NULL,
    dataset  TEXT NOT NULL,
    date     TEXT NOT NULL,
    CONSTRAINT run_days_pk PRIMARY KEY (run_id, step, customer, dataset, date)
);

CREATE TABLE run_log (
    id     INTEGER NOT NULL CONSTRAINT run_log_pk PRIMARY KEY,
    run_id TEXT    NOT NULL CONSTRAINT run_log_run_fk REFERENCES runs (id) ON DELETE CASCADE,
    at     BIGINT  NOT NULL,
    topic  TEXT    NOT NULL,
    warn   BOOLEAN NOT NULL DEFAULT FALSE,
    text   TEXT    NOT NULL
);
CREATE INDEX run_log_of_run ON run_log (run_id, id);

CREATE TABLE quarantine (
    id       INTEGER NOT NULL CONSTRAINT quarantine_pk PRIMARY KEY,
    run_id   TEXT    NOT NULL CONSTRAINT quarantine_run_fk REFERENCES runs (id) ON DELETE CASCADE,
    customer TEXT    NOT NULL,
    dataset  TEXT    NOT NULL,
    date     TEXT    NOT NULL,
    file     TEXT    NOT NULL,
    line     BIGINT,
    reason   TEXT    NOT NULL,
    sample   TEXT    NOT NULL
);
CREATE INDEX quarantine_of_run ON quarantine (run_id, id);

-- The story's state: which steps were pressed, by which run, and when they were over.
CREATE TABLE show_steps (
    story      TEXT   NOT NULL,
    step       TEXT   NOT NULL,
    run_id     TEXT,
    pressed_at BIGINT NOT NULL,
    done_at    BIGINT,
    CONSTRAINT show_steps_pk PRIMARY KEY (story, step)
);

-- What the event stream replays. Written in the same transaction as the change it tells of.
CREATE TABLE events (
    id   INTEGER NOT NULL CONSTRAINT events_pk PRIMARY KEY AUTOINCREMENT,
    at   BIGINT  NOT NULL,
    what TEXT    NOT NULL,
    ref  TEXT    NOT NULL
);
