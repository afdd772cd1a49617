-- Disbursement owns these tables: the list of its own winners that each operator gets, sealed to its key and signed.

CREATE TABLE winner_files (
    id INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    operator VARCHAR(64) NOT NULL,
    number VARCHAR(32) NOT NULL,
    status VARCHAR(24) NOT NULL,
    winners INTEGER NOT NULL DEFAULT 0,
    total_fen INTEGER NOT NULL DEFAULT 0,
    digest VARCHAR(64) NOT NULL DEFAULT '',
    sealed_to VARCHAR(16) NOT NULL DEFAULT '',
    approval_id INTEGER NOT NULL DEFAULT 0,
    asked_by VARCHAR(64) NOT NULL,
    asked_at INTEGER NOT NULL,
    made_at INTEGER NOT NULL DEFAULT 0,
    fetched_at INTEGER NOT NULL DEFAULT 0,
    changed_at INTEGER NOT NULL,
    UNIQUE (number),
    CHECK (status IN ('prepared', 'approved', 'rejected', 'made'))
);

CREATE INDEX ix_winner_files_campaign_id ON winner_files (campaign_id);

CREATE INDEX ix_winner_files_status_id ON winner_files (status, id);

CREATE TABLE winner_file_parts (
    file_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (file_id, part),
    FOREIGN KEY (file_id) REFERENCES winner_files (id)
);
