-- Disbursement owns these tables: the operators' daily statements, and every difference they have shown.

CREATE TABLE statements (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    operator VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    day VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    edition BIGINT NOT NULL,
    digest VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    line_count BIGINT NOT NULL,
    total_fen BIGINT NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(120) NOT NULL DEFAULT '',
    received_at BIGINT NOT NULL,
    CHECK (status IN ('matched', 'different', 'refused')),
    KEY ix_statements_campaign_id_operator_day (campaign_id, operator, day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE differences (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    operator VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    day VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_no VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ours VARCHAR(200) NOT NULL,
    theirs VARCHAR(200) NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(200) NOT NULL,
    owner VARCHAR(64) NOT NULL,
    found_at BIGINT NOT NULL,
    resolved_at BIGINT NOT NULL DEFAULT 0,
    UNIQUE KEY (campaign_id, operator, day, order_no, kind),
    CHECK (status IN ('open', 'resolved')),
    KEY ix_differences_campaign_id_status (campaign_id, status),
    KEY ix_differences_operator_day_status (operator, day, status),
    KEY ix_differences_operator_order_no (operator, order_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
