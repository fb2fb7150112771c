-- Streams: a day of the source bucket, published record by record. One at a time; it goes on where it was after a restart.

CREATE TABLE streams (
    id          TEXT    NOT NULL CONSTRAINT streams_pk PRIMARY KEY,
    number      BIGINT  NOT NULL CONSTRAINT streams_number_key UNIQUE,
    customer    TEXT    NOT NULL,
    dataset     TEXT    NOT NULL,
    -- The day whose records are published.
    date        TEXT    NOT NULL,
    state       TEXT    NOT NULL CONSTRAINT streams_state_check CHECK (state IN ('playing', 'paused', 'ended')),
    -- Records a second.
    rate        DOUBLE PRECISION NOT NULL,
    -- What a message holds: the whole session, or the session without its hits.
    payload     TEXT    NOT NULL CONSTRAINT streams_payload_check CHECK (payload IN ('full', 'flattened')),
    -- The date that the day is published as; NULL = its own.
    shifted_to  TEXT,
    loops       BOOLEAN NOT NULL,
    -- Ends after so many records; NULL = at the end of the day.
    most        BIGINT,
    -- Records of the day; 0 until it was read.
    records     BIGINT  NOT NULL DEFAULT 0,
    -- Published for sure: the next record's sequence number. Behind a crash, some after it were published too, and are again.
    position    BIGINT  NOT NULL DEFAULT 0,
    -- Sequence numbers given to records that were sent by hand.
    sent        BIGINT  NOT NULL DEFAULT 0,
    started_by  TEXT    NOT NULL,
    started_at  BIGINT  NOT NULL,
    -- It stops by itself then.
    stops_at    BIGINT  NOT NULL,
    ended_at    BIGINT,
    -- Why it ended, in words.
    why         TEXT,
    archived    BOOLEAN NOT NULL DEFAULT FALSE
);
-- Two browsers pressing Start make one stream.
CREATE UNIQUE INDEX streams_one_at_a_time ON streams ((1)) WHERE state <> 'ended';
