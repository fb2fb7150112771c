-- A stream is a durable run as well: what it executed is noted as what a run did, under the stream's id. It goes on after a restart of
-- the server, as its next attempt.

ALTER TABLE streams ADD COLUMN attempt BIGINT NOT NULL DEFAULT 1;

-- The same table, whose calls are those of a run or of a stream: no reference to runs any more. Neither runs nor streams are ever
-- deleted: a reset archives them, and their calls with them.
CREATE TABLE all_calls (
    id         INTEGER NOT NULL CONSTRAINT all_calls_pk PRIMARY KEY,
    -- A run or a stream.
    run_id     TEXT    NOT NULL,
    -- Its attempt at that time: a retried or resumed step notes anew, and what it did before stays on record.
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
INSERT INTO all_calls (id, run_id, attempt, position, kind, method, resource, started_at, micros, outcome, error, rows, bytes, calls, operation)
    SELECT id, run_id, attempt, position, kind, method, resource, started_at, micros, outcome, error, rows, bytes, calls, operation FROM calls;
DROP TABLE calls;
ALTER TABLE all_calls RENAME TO calls;
CREATE INDEX calls_of_run ON calls (run_id, position, id);
