-- Policies: which rows and columns of a table somebody sees. They belong to no run and no version of a table, so a reset leaves them.

CREATE TABLE row_policies (
    zone     TEXT NOT NULL,
    tbl      TEXT NOT NULL,
    name     TEXT NOT NULL,
    -- JSON, a list of grantees.
    grantees TEXT NOT NULL,
    -- The condition, in BigQuery's SQL.
    filter   TEXT NOT NULL,
    CONSTRAINT row_policies_pk PRIMARY KEY (zone, tbl, name)
);

CREATE TABLE data_policies (
    name       TEXT NOT NULL CONSTRAINT data_policies_pk PRIMARY KEY,
    -- JSON: raw access, or a masking rule.
    gives      TEXT NOT NULL,
    grantees   TEXT NOT NULL,
    -- JSON, a list of info types: it is on every column that is tagged with one of them.
    info_types TEXT NOT NULL
);

CREATE TABLE column_policies (
    zone     TEXT NOT NULL,
    tbl      TEXT NOT NULL,
    -- Fields of records as record.field.
    col      TEXT NOT NULL,
    policy   TEXT NOT NULL CONSTRAINT column_policies_policy_fk REFERENCES data_policies (name),
    CONSTRAINT column_policies_pk PRIMARY KEY (zone, tbl, col, policy)
);

-- What changed policies, one statement each; never deleted.
CREATE TABLE policy_changes (
    version   INTEGER PRIMARY KEY,
    at        BIGINT NOT NULL,
    by_whom   TEXT   NOT NULL,
    statement TEXT   NOT NULL
);

-- Who viewed as whom since when; never deleted. NULL: as the admin.
CREATE TABLE view_switches (
    id        INTEGER PRIMARY KEY,
    at        BIGINT NOT NULL,
    by_whom   TEXT   NOT NULL,
    came_from TEXT,
    went_to   TEXT
);
