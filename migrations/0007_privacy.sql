-- Personal data: what the newest scan found, table by table, and what persons said to it.

CREATE TABLE privacy_tables (
    -- `silver.sessions`, or the key of a delivered file.
    name        TEXT    NOT NULL PRIMARY KEY,
    zone        TEXT    NOT NULL,
    scanned_at  BIGINT  NOT NULL,
    -- The report of the scan, as JSON.
    report      TEXT    NOT NULL,
    -- What differs from the scan before it: a JSON list of sentences.
    changes     TEXT    NOT NULL
);

-- Kept by a reset, as settings are.
CREATE TABLE privacy_verdicts (
    table_name  TEXT    NOT NULL,
    column_name TEXT    NOT NULL,
    verdict     TEXT    NOT NULL CONSTRAINT privacy_verdicts_verdict_check CHECK (verdict IN ('accept', 'reject', 'correct')),
    -- What the column holds by the verdict; NULL = nothing personal.
    info_type   TEXT,
    -- What the scan said then; NULL = nothing. When it says something else, the verdict needs another look.
    found_type  TEXT,
    decided_at  BIGINT  NOT NULL,
    decided_by  TEXT    NOT NULL,
    PRIMARY KEY (table_name, column_name)
);
