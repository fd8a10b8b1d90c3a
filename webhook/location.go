package webhook

import (
	"time"
)

// Location is the payload of locations/create, update, activate and
// deactivate. Legacy locations belong to an app.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/location
type Location struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`

	Name         string    `json:"name"`
	Active       bool      `json:"active"`
	Legacy       bool      `json:"legacy"`
	Address1     string    `json:"address1"`
	Address2     string    `json:"address2"`
	City         string    `json:"city"`
	Zip          string    `json:"zip"`
	Province     string    `json:"province"`
	ProvinceCode string    `json:"province_code"`
	Country      string    `json:"country"`
	CountryCode  string    `json:"country_code"`
	CountryName  string    `json:"country_name"`
	Phone        string    `json:"phone"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`

	Extra Extra `json:"-"`
}
