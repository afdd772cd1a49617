package app

import (
	"fmt"
	"net/http"
	"strings"
)

// operatorPath is where operators speak to the platform.
const operatorPath = "/operator/"

// openDoor opens the operators' own listener, with mutual TLS, if the settings name one. From then on operators are heard
// nowhere else.
func (p *platform) openDoor(config *Config) (address string, err error) {
	if config.Door == "" {
		return "", nil
	}
	secure, err := config.DoorTLS.Server()
	if err != nil {
		return "", err
	}
	l, err := listen(config.Door)
	if err != nil {
		return "", err
	}
	p.door = p.server(only(p.web.Engine, true))
	p.door.TLSConfig = secure
	p.handler = only(p.web.Engine, false)
	go func() { _ = p.door.ServeTLS(l, "", "") }()
	return l.Addr().String(), nil
}

// only lets through what operators ask, or everything else.
func only(engine http.Handler, operators bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, operatorPath) != operators {
			http.NotFound(w, r)
			return
		}
		engine.ServeHTTP(w, r)
	})
}

// crossCheckDoor: the operators' listener takes all of its files or is none.
func (c *Config) crossCheckDoor() (mistakes []error) {
	named := c.DoorTLS.Certificate != "" || c.DoorTLS.Key != "" || c.DoorTLS.Authorities != ""
	whole := c.DoorTLS.Certificate != "" && c.DoorTLS.Key != "" && c.DoorTLS.Authorities != ""
	if c.Door != "" != whole || named != whole {
		return []error{fmt.Errorf("operator-listen, operator-certificate, operator-certificate-key and operator-authorities are set together or not at all")}
	}
	return nil
}
