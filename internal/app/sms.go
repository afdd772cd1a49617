package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// smsGateway hands messages to an SMS gateway: POST URL/sms/v1/messages {"messages": [{"phone", "body"}]}, answered with any 2xx.
type smsGateway struct {
	url    string
	client *http.Client
}

func newSMSGateway(url string) *smsGateway {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &smsGateway{url: url, client: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
}

// Send hands one message over.
func (g *smsGateway) Send(ctx context.Context, phone, body string) error {
	in := map[string]any{"messages": []map[string]string{{"phone": phone, "body": body}}}
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/sms/v1/messages", bytes.NewReader(b))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := g.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("sms gateway: %s", response.Status)
	}
	return nil
}

// noSMS is a service without a gateway: every message fails and stays in the outbox.
type noSMS struct{}

func (noSMS) Send(context.Context, string, string) error {
	return fmt.Errorf("no SMS gateway is configured")
}
