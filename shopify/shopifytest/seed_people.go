package shopifytest

import "github.com/shopspring/decimal"

// The people here are invented. Their addresses of e-mail are on example.com, their telephone numbers in the
// range that is kept free for fiction.

var seedShop = ShopData{
	Name: "Alder & Wren", Domain: "alder-and-wren-sim.myshopify.com", Currency: "USD", Email: "hello@example.com", Timezone: "America/New_York",
}

var seedLocations = []LocationData{
	{
		ID: firstID, Name: "Harbor Street", TaxTitle: "Maine State Tax", TaxRate: decimal.RequireFromString("0.055"),
		Address: AddressData{Address1: "12 Harbor Street", City: "Portland", Province: "Maine", ProvinceCode: "ME", Country: "United States", CountryCode: "US", Zip: "04101", Phone: "+12075550110"},
	},
	{
		ID: firstID + 1, Name: "Market Square", TaxTitle: "Vermont State Tax", TaxRate: decimal.RequireFromString("0.06"),
		Address: AddressData{Address1: "3 Market Square", City: "Burlington", Province: "Vermont", ProvinceCode: "VT", Country: "United States", CountryCode: "US", Zip: "05401", Phone: "+18025550120"},
	},
}

var seedStaff = []StaffData{
	{ID: firstID, FirstName: "Imogen", LastName: "Vale", Email: "imogen.vale@example.com", LocationID: firstID},
	{ID: firstID + 1, FirstName: "Theo", LastName: "Marsh", Email: "theo.marsh@example.com", LocationID: firstID},
	{ID: firstID + 2, FirstName: "Renata", LastName: "Oduya", Email: "renata.oduya@example.com", LocationID: firstID + 1},
	{ID: firstID + 3, FirstName: "Caleb", LastName: "Winters", Email: "caleb.winters@example.com", LocationID: firstID + 1},
}

var seedNames = [][2]string{
	{"Margaret", "Holloway"},
	{"Daniel", "Osei"},
	{"Priya", "Raman"},
	{"Walter", "Lindqvist"},
	{"Sofia", "Castellano"},
	{"Henry", "Abbott"},
	{"Naomi", "Whitfield"},
	{"James", "Kowalski"},
	{"Elena", "Petrova"},
	{"Marcus", "Bell"},
	{"Grace", "Nakamura"},
	{"Oliver", "Fontaine"},
	{"Ruth", "Ansel"},
	{"Samuel", "Okafor"},
	{"Clara", "Jensen"},
	{"Peter", "Dunmore"},
	{"Leila", "Haddad"},
	{"Thomas", "Ridgeway"},
	{"Anna", "Bergstrom"},
	{"Victor", "Salas"},
	{"June", "Merriweather"},
	{"Arthur", "Pell"},
	{"Mei", "Tanaka"},
	{"Robert", "Calloway"},
	{"Isabel", "Moreno"},
	{"Noah", "Trask"},
	{"Helen", "Strand"},
	{"Gabriel", "Ferris"},
	{"Lucy", "Ashdown"},
	{"Edmund", "Carver"},
	{"Farah", "Aziz"},
	{"Simon", "Blackwood"},
	{"Beatrice", "Lowell"},
	{"Julian", "Reyes"},
	{"Wendy", "Harte"},
	{"Omar", "Farouk"},
	{"Celia", "Vance"},
	{"Patrick", "Doyle"},
	{"Yuki", "Mori"},
	{"Eleanor", "Quill"},
}

var seedStreets = []string{
	"Chestnut Lane", "Mill Road", "Orchard Street", "Lantern Hill", "Pine Crescent", "Quarry Way", "Ferry Street", "Meadow Court", "Spruce Avenue", "Old Post Road",
}

var seedTowns = []struct {
	city, province, code, zip, tax string
	location                       int // the nearest store
}{
	{"Portland", "Maine", "ME", "04101", "0.055", 0},
	{"South Portland", "Maine", "ME", "04106", "0.055", 0},
	{"Brunswick", "Maine", "ME", "04011", "0.055", 0},
	{"Portsmouth", "New Hampshire", "NH", "03801", "0", 0},
	{"Burlington", "Vermont", "VT", "05401", "0.06", 1},
	{"Shelburne", "Vermont", "VT", "05482", "0.06", 1},
	{"Montpelier", "Vermont", "VT", "05602", "0.06", 1},
	{"Boston", "Massachusetts", "MA", "02108", "0.0625", 0},
}

var seedNotes = []string{
	"Prefers natural fibers.", "Shops for the cabin in spring.", "Please call when new linens arrive.", "Allergic to wool.", "Likes gift wrap in plain paper.",
}
