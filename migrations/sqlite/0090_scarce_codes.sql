-- Campaign owns this table: codes of which there are few (an app store's redemption codes), sealed under the campaign's key,
-- each handed out to at most one registration and at most one to each. A registration_id that is NULL is a free code.

CREATE TABLE scarce_codes (
    id              INTEGER PRIMARY KEY,
    campaign_id     BIGINT NOT NULL,
    code_index      BLOB NOT NULL,
    sealed          BLOB NOT NULL,
    registration_id BIGINT,
    imported_at     BIGINT NOT NULL,
    given_at        BIGINT NOT NULL DEFAULT 0,
    UNIQUE (campaign_id, code_index),
    UNIQUE (campaign_id, registration_id)
);
