-- The call log: what each run really executed, noted by the data plane as it happened. It belongs to its run as the run's log does:
-- archived with it by a reset, gone with it when it is deleted. Written with the end of the step (or chunk) that it is about, so that a
-- killed process loses at most what that step had done since.

CREATE TABLE calls (
    id         INTEGER NOT NULL CONSTRAINT calls_pk PRIMARY KEY,
    run_id     TEXT    NOT NULL CONSTRAINT calls_run_fk REFERENCES runs (id) ON DELETE CASCADE,
    -- The run's attempt at that time: a retried or resumed step notes anew, and what it did before stays on record.
    attempt    BIGINT  NOT NULL,
    -- The step's position; -1 = before the first step: what pressing the button itself did.
    position   BIGINT  NOT NULL,
    kind       TEXT    NOT NULL CONSTRAINT calls_kind_check CHECK (kind IN ('objects', 'messages', 'tables', 'sql')),
    -- For instance objects.put.
    method     TEXT    NOT NULL,
    resource   TEXT    NOT NULL,
    started_at BIGINT  NOT NULL,
    micros     BIGINT  NOT NULL,
    outcome    TEXT    NOT NULL CONSTRAINT calls_outcome_check CHECK (outcome IN ('ok', 'absent', 'failed')),
    error      TEXT,
    rows       BIGINT,
    bytes      BIGINT,
    -- For how many calls of the same shape it stands: more than 1 where they were only counted.
    calls      BIGINT  NOT NULL,
    -- JSON of the operation: what the Google call is derived from.
    operation  TEXT    NOT NULL
);
CREATE INDEX calls_of_run ON calls (run_id, position, id);
