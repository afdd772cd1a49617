package sandbox

import (
	"context"
	"net/http"
)

// AccessPoint is the name of the access point (as 城银清算, City Bank Clearing, runs one): one address and one key for
// several city banks. Every call names its bank by ?bank=, which the signature covers; each bank keeps wallets, orders and
// statements of its own.
const AccessPoint = "city-clearing"

var errNoBank = refusal{http.StatusNotFound, "bank-unknown", "no bank of this code is behind the access point"}

// openAccessPoint opens one server for all members, if there are any.
func (s *Street) openAccessPoint(ctx context.Context) error {
	if len(s.options.Members) == 0 {
		return nil
	}
	point, err := newParty(s, AccessPoint)
	if err != nil {
		return err
	}
	s.parties[AccessPoint] = point
	members := make(map[string]http.Handler, len(s.options.Members))
	for name, code := range s.options.Members {
		p, err := newParty(s, name)
		if err != nil {
			return err
		}
		p.keys = point.keys
		mux := http.NewServeMux()
		if err := s.openBank(ctx, p, mux); err != nil {
			return err
		}
		members[code] = mux
	}
	return s.listen(AccessPoint, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		member := members[r.URL.Query().Get("bank")]
		if member == nil {
			write(w, nil, errNoBank)
			return
		}
		member.ServeHTTP(w, r)
	}))
}

// Members gives the codes of the banks behind the access point, by name.
func (s *Street) Members() map[string]string { return s.options.Members }

// AccessPointURL is the access point's address, "" when there is none.
func (s *Street) AccessPointURL() string { return s.urls[AccessPoint] }

// keysOf gives the keys of a bank, the notary or the access point, or nil.
func (s *Street) keysOf(name string) *keyPair {
	if p := s.parties[name]; p != nil {
		return p.keys
	}
	return nil
}
