-- The draw as run: status, parties, frozen pools, the public files, the city's log with its checkpoints, awards and promotions.
-- Times are milliseconds since the epoch, UTC; 0 means not yet. draw_files holds each public file in parts of at most 1 MiB, so that a
-- list of any size passes through one packet of either database. log_lines, checkpoints, cosignatures and backfills are only ever added to.

CREATE TABLE draws (
    id            INTEGER PRIMARY KEY,
    campaign_id   BIGINT NOT NULL UNIQUE,
    slug          VARCHAR(64) NOT NULL UNIQUE,
    city          VARCHAR(64) NOT NULL,
    status        VARCHAR(24) NOT NULL,
    hash          VARCHAR(8) NOT NULL,
    quorum        BIGINT NOT NULL,
    round         BIGINT NOT NULL DEFAULT 0,
    open_at       BIGINT NOT NULL,
    close_at      BIGINT NOT NULL,
    round_at      BIGINT NOT NULL DEFAULT 0,
    reveal_by     BIGINT NOT NULL DEFAULT 0,
    notice_hash   BLOB,
    plan_hash     BLOB,
    seed          BLOB,
    result_hash   BLOB,
    registered    BIGINT NOT NULL DEFAULT 0,
    entries       BIGINT NOT NULL DEFAULT 0,
    promotions    BIGINT NOT NULL DEFAULT 0,
    promotions_logged BIGINT NOT NULL DEFAULT 0,
    report        TEXT,
    verified_lines BIGINT NOT NULL DEFAULT 0,
    verified_ok   BIGINT NOT NULL DEFAULT 0,
    verified_at   BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    changed_at    BIGINT NOT NULL,
    CHECK (quorum > 0),
    CHECK (promotions_logged <= promotions)
);

CREATE TABLE draw_parties (
    id            INTEGER PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    name          VARCHAR(64) NOT NULL,
    commitment    BLOB,
    reveal        BLOB,
    revealed_at   BIGINT NOT NULL DEFAULT 0,
    witness_vkey  VARCHAR(255) NOT NULL DEFAULT '',
    witness_name  VARCHAR(128) NOT NULL DEFAULT '',
    UNIQUE (draw_id, name),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
);

CREATE TABLE draw_pools (
    id            INTEGER PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    pool          VARCHAR(64) NOT NULL,
    n             BIGINT NOT NULL,
    root          BLOB NOT NULL,
    UNIQUE (draw_id, pool),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
);

CREATE TABLE draw_files (
    id            INTEGER PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    name          VARCHAR(80) NOT NULL,
    part          BIGINT NOT NULL,
    data          BLOB NOT NULL,
    UNIQUE (draw_id, name, part),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
);

CREATE TABLE log_heads (
    city          VARCHAR(64) NOT NULL PRIMARY KEY,
    size          BIGINT NOT NULL
);

CREATE TABLE log_lines (
    id            INTEGER PRIMARY KEY,
    city          VARCHAR(64) NOT NULL,
    position      BIGINT NOT NULL,
    draw_id       BIGINT NOT NULL,
    kind          VARCHAR(16) NOT NULL,
    hash          BLOB NOT NULL,
    line          VARCHAR(160) NOT NULL,
    at            BIGINT NOT NULL,
    UNIQUE (city, position),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
);

CREATE INDEX log_lines_draw ON log_lines (draw_id, position);

CREATE TABLE checkpoints (
    id            INTEGER PRIMARY KEY,
    city          VARCHAR(64) NOT NULL,
    size          BIGINT NOT NULL,
    root          BLOB NOT NULL,
    note          TEXT NOT NULL,
    UNIQUE (city, size)
);

CREATE TABLE cosignatures (
    id            INTEGER PRIMARY KEY,
    city          VARCHAR(64) NOT NULL,
    size          BIGINT NOT NULL,
    witness       VARCHAR(128) NOT NULL,
    at            BIGINT NOT NULL,
    line          TEXT NOT NULL,
    received_at   BIGINT NOT NULL,
    UNIQUE (city, size, witness)
);

CREATE TABLE awards (
    id            INTEGER PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    kind          VARCHAR(8) NOT NULL,
    line          BIGINT NOT NULL,
    tier          VARCHAR(64) NOT NULL,
    scope         VARCHAR(64) NOT NULL,
    place         BIGINT NOT NULL,
    entry         BLOB NOT NULL,
    score         BLOB NOT NULL,
    registration_id BIGINT NOT NULL,
    amount_fen    BIGINT NOT NULL,
    source        VARCHAR(64) NOT NULL,
    prize_scope   VARCHAR(64) NOT NULL,
    status        VARCHAR(24) NOT NULL,
    changed_at    BIGINT NOT NULL,
    UNIQUE (draw_id, entry),
    UNIQUE (draw_id, line, place),
    FOREIGN KEY (draw_id) REFERENCES draws (id),
    CHECK (amount_fen >= 0)
);

CREATE INDEX awards_registration ON awards (registration_id);

CREATE INDEX awards_waiting ON awards (draw_id, status, scope, line, place);

CREATE TABLE backfills (
    id            INTEGER PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    position      BIGINT NOT NULL,
    old_entry     BLOB NOT NULL,
    reason        VARCHAR(64) NOT NULL,
    new_entry     BLOB,
    at            BIGINT NOT NULL,
    UNIQUE (draw_id, position),
    UNIQUE (draw_id, old_entry),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
);

CREATE TRIGGER log_lines_no_update BEFORE UPDATE ON log_lines
BEGIN
    SELECT RAISE(ABORT, 'log_lines is append-only');
END;

CREATE TRIGGER log_lines_no_delete BEFORE DELETE ON log_lines
BEGIN
    SELECT RAISE(ABORT, 'log_lines is append-only');
END;

CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints is append-only');
END;

CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints
BEGIN
    SELECT RAISE(ABORT, 'checkpoints is append-only');
END;

CREATE TRIGGER cosignatures_no_update BEFORE UPDATE ON cosignatures
BEGIN
    SELECT RAISE(ABORT, 'cosignatures is append-only');
END;

CREATE TRIGGER cosignatures_no_delete BEFORE DELETE ON cosignatures
BEGIN
    SELECT RAISE(ABORT, 'cosignatures is append-only');
END;

CREATE TRIGGER backfills_no_update BEFORE UPDATE ON backfills
BEGIN
    SELECT RAISE(ABORT, 'backfills is append-only');
END;

CREATE TRIGGER backfills_no_delete BEFORE DELETE ON backfills
BEGIN
    SELECT RAISE(ABORT, 'backfills is append-only');
END;
