-- Disbursement owns these tables: the list of its own winners that each operator gets, sealed to its key and signed.

CREATE TABLE winner_files (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    operator VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    winners BIGINT NOT NULL DEFAULT 0,
    total_fen BIGINT NOT NULL DEFAULT 0,
    digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    sealed_to VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    approval_id BIGINT NOT NULL DEFAULT 0,
    asked_by VARCHAR(64) NOT NULL,
    asked_at BIGINT NOT NULL,
    made_at BIGINT NOT NULL DEFAULT 0,
    fetched_at BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT NOT NULL,
    UNIQUE KEY (number),
    CHECK (status IN ('prepared', 'approved', 'rejected', 'made')),
    KEY ix_winner_files_campaign_id (campaign_id),
    KEY ix_winner_files_status_id (status, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE winner_file_parts (
    file_id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    data MEDIUMBLOB NOT NULL,
    PRIMARY KEY (file_id, part),
    FOREIGN KEY (file_id) REFERENCES winner_files (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
