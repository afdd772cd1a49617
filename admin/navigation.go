package admin

import (
	"hongbao/internal/web"

	"github.com/gin-gonic/gin"
)

// icons draw the entries of the navigation, as lines in a box of 20 by 20.
var icons = map[string]string{
	"/console":                "M3 10.5 10 4l7 6.5M5 9v7.5h10V9",
	"/console/campaigns":      "M4 2.5h12v15H4zM4 6.5q6 5 12 0M10 9.2v0",
	"/console/registrations":  "M10 9.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.5 17c.4-3 3-5 6.5-5s6.1 2 6.5 5",
	"/console/draws":          "M2.5 6h15v2.5a1.5 1.5 0 0 0 0 3V14h-15v-2.5a1.5 1.5 0 0 0 0-3zM12 6v8",
	"/console/disbursement":   "M3 9.5 17 3l-4.5 14-3-6zM9.5 11 17 3",
	"/console/wallets":        "M3 6.5h13v10H3zM3 6.5V4.5h10.5M12.5 11.5h1",
	"/console/merchants":      "M4 9v8h12V9M2.5 8.5 4.5 3h11l2 5.5zM8 17v-4.5h4V17",
	"/console/settlements":    "M4 3.5h12v14l-2-1.5-2 1.5-2-1.5-2 1.5-2-1.5-2 1.5zM7 8h6M7 11h6",
	"/console/reconciliation": "M10 3v14M6 17h8M4 5.5h12M4 5.5 1.8 11h4.4zM16 5.5 13.8 11h4.4z",
	"/console/results":        "M4 17V9M9 17V4M14 17v-6M3 17h14",
	"/console/reports":        "M5 2.5h7l3 3v12H5zM12 2.5v3h3M8 10h4M8 13h4",
	"/console/approvals":      "M3 10.5 8 15.5 17 5",
	"/console/audit":          "M8.5 3a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM12.5 12.5 17 17",
	"/console/desk":           "M3 16.5h14M5 16.5v-6h10v6M10 10.5v-3M7 7.5h6V3H7z",
	"/console/desk/claims":    "M3 6.5h14v10H3zM3 6.5 5.5 3h9L17 6.5M7.5 11.5 9.5 13.5 13 9.5",
	"/console/codes":          "M3 5h14v10H3zM6 8.5v3M9 8.5v3M12 8.5v3M14.5 8.5v3",
	"/console/review":         "M5 2.5h10v15H5zM8 7h4M8 10h4M9 13.5l1.2 1.2 2.3-2.4",
	"/console/messages":       "M3 4h14v9.5H9L5.5 17v-3.5H3zM6.5 8.5h7",
	"/console/alerts":         "M10 3 18 17H2zM10 8v4M10 14.2v.3",
	"/console/webhooks":       "M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM5.5 14.5a6.4 6.4 0 0 1 0-9M14.5 5.5a6.4 6.4 0 0 1 0 9",
	"/console/access":         "M6.5 7a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 10.5h7.5M15 10.5V13",
	"/console/users":          "M7.5 9a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2 16.5c.3-2.8 2.6-4.7 5.5-4.7s5.2 1.9 5.5 4.7M13 8.6a2.4 2.4 0 1 0-.6-4.7M15 12.2c1.7.6 2.8 2.2 3 4.3",
	"/console/system":         "M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 2.5V5M10 15v2.5M2.5 10H5M15 10h2.5M4.7 4.7l1.8 1.8M13.5 13.5l1.8 1.8M15.3 4.7l-1.8 1.8M6.5 13.5l-1.8 1.8",
}

// groups head the entries that follow the one they stand at.
var groups = map[string][2]string{
	"/console/campaigns":    {"活动与抽签", "Campaigns"},
	"/console/disbursement": {"资金", "Money"},
	"/console/results":      {"监督", "Oversight"},
	"/console/webhooks":     {"平台", "Platform"},
}

// drawn gives the entries their icons and group headings.
func drawn(entries []web.NavItem) []web.NavItem {
	made := make([]web.NavItem, len(entries))
	for i, entry := range entries {
		entry.Icon, entry.Group = icons[entry.Path], groups[entry.Path]
		made[i] = entry
	}
	return made
}

// cityName names the city that an account serves, at the head of every page; the code stands there while the name is not to be had.
func (k *Console) cityName(c *gin.Context, code string) string {
	name, err := k.Campaigns.CityName(c.Request.Context(), code)
	if err != nil {
		_ = c.Error(err) // for the log; the page is not worth less
	}
	return name.In(web.Locale(c))
}
