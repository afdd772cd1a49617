package webhook

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errPrivate refuses a connection; it is also what the delivery log shows.
var errPrivate = errors.New("the address is this machine's or a private network's")

// patience bounds one delivery.
const patience = 10 * time.Second

// http is a client that follows no redirect, asks no proxy, and, unless Private, connects to public addresses only: the
// address is looked at after the name was resolved, so that no name can lead inside.
func (s *Service) http() *http.Client {
	s.once.Do(func() { s.client = s.newClient() })
	return s.client
}

func (s *Service) newClient() *http.Client {
	dialer := &net.Dialer{Timeout: patience}
	if !s.Private {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !public(to.Addr()) {
				return errPrivate
			}
			return nil
		}
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: patience, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// inside are the networks that netip does not name: carrier-grade NAT, "this" network, IETF and benchmark networks, NAT64, and broadcast.
var inside = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
}

// public reports whether an address can be a city's system on the Internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	for _, network := range inside {
		if network.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast()
}

func literalPrivate(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && !public(a)
}
