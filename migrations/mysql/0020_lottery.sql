-- The draw as run: status, parties, frozen pools, the public files, the city's log with its checkpoints, awards and promotions.
-- Times are milliseconds since the epoch, UTC; 0 means not yet. draw_files holds each public file in parts of at most 1 MiB, so that a
-- list of any size passes through one packet of either database. log_lines, checkpoints, cosignatures and backfills are only ever added to.

CREATE TABLE draws (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id   BIGINT NOT NULL UNIQUE,
    slug          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    city          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status        VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash          VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    quorum        BIGINT NOT NULL,
    round         BIGINT NOT NULL DEFAULT 0,
    open_at       BIGINT NOT NULL,
    close_at      BIGINT NOT NULL,
    round_at      BIGINT NOT NULL DEFAULT 0,
    reveal_by     BIGINT NOT NULL DEFAULT 0,
    notice_hash   BINARY(32),
    plan_hash     BINARY(32),
    seed          BINARY(32),
    result_hash   BINARY(32),
    registered    BIGINT NOT NULL DEFAULT 0,
    entries       BIGINT NOT NULL DEFAULT 0,
    promotions    BIGINT NOT NULL DEFAULT 0,
    promotions_logged BIGINT NOT NULL DEFAULT 0,
    report        MEDIUMTEXT,
    verified_lines BIGINT NOT NULL DEFAULT 0,
    verified_ok   BIGINT NOT NULL DEFAULT 0,
    verified_at   BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    changed_at    BIGINT NOT NULL,
    CHECK (quorum > 0),
    CHECK (promotions_logged <= promotions)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE draw_parties (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    name          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    commitment    BINARY(32),
    reveal        BINARY(32),
    revealed_at   BIGINT NOT NULL DEFAULT 0,
    witness_vkey  VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    witness_name  VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    UNIQUE (draw_id, name),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE draw_pools (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    pool          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    n             BIGINT NOT NULL,
    root          BINARY(32) NOT NULL,
    UNIQUE (draw_id, pool),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE draw_files (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    name          VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    part          BIGINT NOT NULL,
    data          MEDIUMBLOB NOT NULL,
    UNIQUE (draw_id, name, part),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE log_heads (
    city          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    size          BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE log_lines (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    city          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    position      BIGINT NOT NULL,
    draw_id       BIGINT NOT NULL,
    kind          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash          BINARY(32) NOT NULL,
    line          VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at            BIGINT NOT NULL,
    UNIQUE (city, position),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE INDEX log_lines_draw ON log_lines (draw_id, position);

CREATE TABLE checkpoints (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    city          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    size          BIGINT NOT NULL,
    root          BINARY(32) NOT NULL,
    note          MEDIUMTEXT NOT NULL,
    UNIQUE (city, size)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE cosignatures (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    city          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    size          BIGINT NOT NULL,
    witness       VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at            BIGINT NOT NULL,
    line          MEDIUMTEXT NOT NULL,
    received_at   BIGINT NOT NULL,
    UNIQUE (city, size, witness)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE awards (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    kind          VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    line          BIGINT NOT NULL,
    tier          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    scope         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    place         BIGINT NOT NULL,
    entry         BINARY(32) NOT NULL,
    score         BINARY(32) NOT NULL,
    registration_id BIGINT NOT NULL,
    amount_fen    BIGINT NOT NULL,
    source        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    prize_scope   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status        VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    changed_at    BIGINT NOT NULL,
    UNIQUE (draw_id, entry),
    UNIQUE (draw_id, line, place),
    FOREIGN KEY (draw_id) REFERENCES draws (id),
    CHECK (amount_fen >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE INDEX awards_registration ON awards (registration_id);

CREATE INDEX awards_waiting ON awards (draw_id, status, scope, line, place);

CREATE TABLE backfills (
    id            BIGINT AUTO_INCREMENT PRIMARY KEY,
    draw_id       BIGINT NOT NULL,
    position      BIGINT NOT NULL,
    old_entry     BINARY(32) NOT NULL,
    reason        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    new_entry     BINARY(32),
    at            BIGINT NOT NULL,
    UNIQUE (draw_id, position),
    UNIQUE (draw_id, old_entry),
    FOREIGN KEY (draw_id) REFERENCES draws (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TRIGGER log_lines_no_update BEFORE UPDATE ON log_lines FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'log_lines is append-only';

CREATE TRIGGER log_lines_no_delete BEFORE DELETE ON log_lines FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'log_lines is append-only';

CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'checkpoints is append-only';

CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'checkpoints is append-only';

CREATE TRIGGER cosignatures_no_update BEFORE UPDATE ON cosignatures FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cosignatures is append-only';

CREATE TRIGGER cosignatures_no_delete BEFORE DELETE ON cosignatures FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cosignatures is append-only';

CREATE TRIGGER backfills_no_update BEFORE UPDATE ON backfills FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'backfills is append-only';

CREATE TRIGGER backfills_no_delete BEFORE DELETE ON backfills FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'backfills is append-only';
