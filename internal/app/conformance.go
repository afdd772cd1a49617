package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hongbao/campaign"
	"hongbao/disbursement"
	"hongbao/disbursement/operatortest"
	"hongbao/internal/money"
	"hongbao/internal/signing"
)

// conformance is what the command is told.
type conformance struct {
	entry                operatorEntry
	tls                  tlsEntry
	bank, key            string
	fixtures             operatortest.Fixtures
	amount, day, reports string
}

func conformanceCommand() *cobra.Command {
	var c conformance
	cmd := &cobra.Command{
		Use: "conformance --operator URL", Short: "Test an operator bank's test system against docs/operator-api.yaml",
		Long: "Test an operator bank's test system against docs/operator-api.yaml: signatures, wallets, credits, recalls, returns, queries,\n" +
			"sub-wallets and statements. Each check is printed with its outcome; the exit status is 0 only if all hold that were run. Test money moves: a\n" +
			"few envelopes are credited and recalled.\n\n" +
			"Before the first run the bank's engineer\n" +
			"  1. makes a key for the platform's side: 64 hex digits in a file, as of `openssl rand -hex 32`; its public half is printed by a\n" +
			"     run, and is entered in the test system as the key of the party \"platform\";\n" +
			"  2. hands over the test system's SM2 public key (a certificate in PEM, or base64 of the 65 bytes of the point): --bank-key;\n" +
			"  3. sets up a campaign that the test system knows (--promotion), one phone with a wallet that has room for three envelopes\n" +
			"     (--phone), one without a wallet (--no-phone), one app that is served (--app) and one that is not (--foreign-app);\n" +
			"  4. names a day whose statement is ready (--statement-day), or leaves that check out.\n" +
			"The system may be slow and may fail: a call is repeated for --patience, as the contract allows. docs/operators.md has more.",
		Example: "  hongbao conformance --operator https://test.bank.example --name icbc --bank-key bank.pem --key platform.key \\\n" +
			"    --promotion suzhou-2020 --phone 13800138000 --no-phone 13800138001 --app jd --foreign-app weibo --report icbc-report\n" +
			"  hongbao conformance --operator https://access.example --name city-clearing --bank 313305066661 --tls-certificate c.pem \\\n" +
			"    --tls-key c.key --tls-authorities ca.pem --bank-key point.pem --key platform.key --phone 13800138000 --no-phone 13800138001",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.bind(cmd)
	return cmd
}

func (c *conformance) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.entry.URL, "operator", "", "address of the test system, below which /bank/v1 lies")
	f.StringVar(&c.entry.Name, "name", "bank", "name of the operator, with which it signs")
	f.StringArrayVar(&c.entry.Keys, "bank-key", nil, "the operator's SM2 public key, or a PEM file with it; twice while it is replaced")
	f.StringVar(&c.key, "key", "", "file with the SM2 private key of the platform's side, 64 hex digits or PEM")
	f.StringVar(&c.bank, "bank", "", "code of a bank behind an access point")
	f.StringVar(&c.tls.Certificate, "tls-certificate", "", "certificate of our side for mutual TLS, PEM file")
	f.StringVar(&c.tls.Key, "tls-key", "", "key of --tls-certificate, PEM file")
	f.StringVar(&c.tls.Authorities, "tls-authorities", "", "authorities of the operator's certificate, PEM file")
	f.StringVar(&c.fixtures.PromotionID, "promotion", "conformance", "a campaign that the test system knows")
	f.StringVar(&c.fixtures.Phone, "phone", "", "phone with a wallet that has room for three envelopes")
	f.StringVar(&c.fixtures.NoPhone, "no-phone", "", "phone without a wallet")
	f.StringVar(&c.fixtures.App, "app", "jd", "an app to which the operator pushes sub-wallets")
	f.StringVar(&c.fixtures.ForeignApp, "foreign-app", "nobodys-app", "an app to which it does not")
	f.StringVar(&c.amount, "amount", "1.00", "amount of a test envelope, yuan")
	f.StringVar(&c.day, "statement-day", "", "a day whose statement is ready, 2006-01-02 (default: that check is left out)")
	f.DurationVar(&c.fixtures.Patience, "patience", 30*time.Second, "how long a call may take to have a reliable answer")
	f.StringVar(&c.reports, "report", "", "write the report to FILE.json and FILE.html as well")
	for _, name := range []string{"operator", "bank-key", "key", "phone", "no-phone"} {
		_ = cmd.MarkFlagRequired(name)
	}
}

func (c *conformance) run(cmd *cobra.Command) error {
	signer, err := c.signer()
	if err != nil {
		return err
	}
	operator, client, err := c.open(signer)
	if err != nil {
		return err
	}
	if err := c.complete(signer, client); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "the platform's side signs with the SM2 key %s\n", signing.FormatPublicKey(&signer.Key.PublicKey))
	results := operatortest.Run(cmd.Context(), operator, c.fixtures)
	protocol := operatortest.NewProtocol(c.entry.Name, c.entry.party(), c.entry.URL, Version(), time.Now(), results)
	if err := errors.Join(protocol.WriteText(out), c.write(protocol)); err != nil {
		return err
	}
	if protocol.Failed > 0 {
		return errFailed
	}
	return nil
}

func (c *conformance) signer() (signing.Signer, error) {
	text, err := os.ReadFile(c.key)
	if err != nil {
		return signing.Signer{}, fmt.Errorf("--key: %w", err)
	}
	key, err := signing.ParsePrivateKey(string(text))
	if err != nil {
		return signing.Signer{}, fmt.Errorf("--key: %w", err)
	}
	return signing.Signer{Party: disbursement.PlatformParty, Key: key, Now: time.Now}, nil
}

// open makes the gateway that the service itself would use.
func (c *conformance) open(signer signing.Signer) (disbursement.Operator, *http.Client, error) {
	if c.tls != (tlsEntry{}) {
		c.entry.TLS = &c.tls
	}
	opened, _, err := c.entry.open(caller{signer: signer}, &signing.Directory{})
	if err != nil {
		return nil, nil, err
	}
	client := &http.Client{Timeout: 10 * time.Second}
	if c.entry.TLS != nil {
		secure, err := c.tls.files().Client()
		if err != nil {
			return nil, nil, err
		}
		client.Transport = &http.Transport{TLSClientConfig: secure}
	}
	if c.bank == "" {
		return opened, client, nil
	}
	member, err := opened.Member(c.entry.Name+"/"+c.bank, c.bank)
	if err != nil {
		return nil, nil, err
	}
	return member, client, nil
}

func (c *conformance) complete(signer signing.Signer, client *http.Client) (err error) {
	if c.fixtures.AmountFen, err = money.Parse(c.amount); err != nil || c.fixtures.AmountFen <= 0 {
		return errors.New("--amount: want a positive amount in yuan, such as 1.00")
	}
	if c.day != "" {
		if c.fixtures.StatementDay, err = time.ParseInLocation(time.DateOnly, c.day, campaign.Shanghai); err != nil {
			return fmt.Errorf("--statement-day: %w", err)
		}
	}
	c.fixtures.Now = time.Now()
	c.fixtures.Wire = &operatortest.Wire{URL: c.entry.URL, Party: c.entry.party(), Signer: signer, Client: client}
	if c.bank != "" {
		c.fixtures.Wire.Query = url.Values{"bank": {c.bank}}.Encode()
	}
	return nil
}

// write keeps the report as files, if they are asked for.
func (c *conformance) write(p operatortest.Protocol) error {
	if c.reports == "" {
		return nil
	}
	base := strings.TrimSuffix(strings.TrimSuffix(c.reports, ".json"), ".html")
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		return err
	}
	return errors.Join(writeFile(base+".html", p.WriteHTML), writeFile(base+".json", func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(p)
	}))
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
