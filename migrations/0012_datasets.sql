-- Datasets that are deleted, and where the proof is. What datasets are is kept by the lake, in datasets/ of the data folder.

CREATE TABLE dataset_deletions (
    -- The reset that empties it, whose certificate is the proof.
    run_id     TEXT   NOT NULL CONSTRAINT dataset_deletions_pk PRIMARY KEY,
    dataset    TEXT   NOT NULL,
    title      TEXT   NOT NULL,
    by_whom    TEXT   NOT NULL,
    asked_at   BIGINT NOT NULL,
    -- NULL: it is still there.
    deleted_at BIGINT
);
