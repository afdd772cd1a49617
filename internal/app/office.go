package app

import (
	"context"
	"errors"

	"hongbao/campaign/office"
)

// noSMS is a service without a gateway: every message fails and stays in the outbox.
type noSMS struct{}

func (noSMS) Send(context.Context, string, string) error {
	return errors.New("no SMS gateway is configured")
}

// offices reaches those of the city's offices that the settings name.
func (c *Config) offices(around *surroundings) {
	measures := around.instruments.office
	if c.SMS != "" {
		around.sms = office.SMS{Office: office.New("sms", c.SMS, c.SMSToken, measures)}
	}
	if c.Names != "" {
		around.names = office.Names{Office: office.New("names", c.Names, c.NamesToken, measures)}
	}
	if c.Evidence != "" {
		around.evidence = office.Evidence{Office: office.New("evidence", c.Evidence, c.EvidenceToken, measures)}
	}
}
