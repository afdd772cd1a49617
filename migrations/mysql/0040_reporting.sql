-- +goose Up
-- Reports made, and their files in parts of at most 1 MiB, so that a file of any size passes through one packet of either database.
-- Times are milliseconds since the epoch, UTC; 0 means not yet. row_count grows while a report is made, and beat_at with it.
-- An unmasked report names who released it by which approval; secret is its file's password, sealed, until it has been shown once.

CREATE TABLE report_runs (
    id          BIGINT AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    number      VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    name        VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    format      VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status      VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    row_count   BIGINT NOT NULL DEFAULT 0,
    size        BIGINT NOT NULL DEFAULT 0,
    digest      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    signature   MEDIUMTEXT NOT NULL,
    made_by     VARCHAR(64) NOT NULL,
    asked_at    BIGINT NOT NULL,
    started_at  BIGINT NOT NULL DEFAULT 0,
    beat_at     BIGINT NOT NULL DEFAULT 0,
    finished_at BIGINT NOT NULL DEFAULT 0,
    expires_at  BIGINT NOT NULL DEFAULT 0,
    error       VARCHAR(500) NOT NULL DEFAULT '',
    unmasked    BIGINT NOT NULL DEFAULT 0,
    reason      VARCHAR(200) NOT NULL DEFAULT '',
    approval_id BIGINT NOT NULL DEFAULT 0,
    released_by VARCHAR(64) NOT NULL DEFAULT '',
    secret      VARBINARY(255),
    CHECK (status IN ('held', 'queued', 'running', 'done', 'failed', 'cancelled', 'expired')),
    CHECK (unmasked = 0 OR reason <> '')
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE INDEX report_runs_campaign ON report_runs (campaign_id, id);

CREATE INDEX report_runs_status ON report_runs (status, id);

CREATE TABLE report_chunks (
    id     BIGINT AUTO_INCREMENT PRIMARY KEY,
    run_id BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    data   MEDIUMBLOB NOT NULL,
    UNIQUE (run_id, n),
    FOREIGN KEY (run_id) REFERENCES report_runs (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
