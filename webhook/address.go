package webhook

// Address is a postal address.
type Address struct {
	ID           int64    `json:"id,omitzero"`
	CustomerID   int64    `json:"customer_id,omitzero"`
	FirstName    string   `json:"first_name"`
	LastName     string   `json:"last_name"`
	Name         string   `json:"name"`
	Company      string   `json:"company"`
	Address1     string   `json:"address1"`
	Address2     string   `json:"address2"`
	City         string   `json:"city"`
	Province     string   `json:"province"`
	ProvinceCode string   `json:"province_code"`
	Country      string   `json:"country"`
	CountryCode  string   `json:"country_code"`
	CountryName  string   `json:"country_name,omitzero"`
	Zip          string   `json:"zip"`
	Phone        string   `json:"phone"`
	Latitude     *float64 `json:"latitude,omitzero"`
	Longitude    *float64 `json:"longitude,omitzero"`
	Default      bool     `json:"default,omitzero"`

	Extra Extra `json:"-"`
}
