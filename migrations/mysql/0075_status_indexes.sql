-- Disbursement owns these tables. A row whose status changes pays for every index that the status stands in: what looks for
-- deadlines goes by campaign, what looks for orders by their batch.

ALTER TABLE disbursement_orders DROP KEY ix_disbursement_orders_status_next_at, DROP KEY ix_disbursement_orders_campaign_id_kind_status,
    ADD KEY ix_disbursement_orders_campaign_id_kind (campaign_id, kind);

UPDATE envelopes SET wallet_next_at = 0 WHERE wallet_token <> '' AND wallet_next_at > 0;

ALTER TABLE envelopes DROP KEY ix_envelopes_status_claim_until_at, DROP KEY ix_envelopes_status_expires_at, DROP KEY ix_envelopes_operator_status_wallet_next_at,
    ADD KEY ix_envelopes_campaign_id_claim_until_at (campaign_id, claim_until_at), ADD KEY ix_envelopes_campaign_id_expires_at (campaign_id, expires_at),
    ADD KEY ix_envelopes_operator_wallet_next_at (operator, wallet_next_at), ADD KEY ix_envelopes_registration_id (registration_id);
