package shopifytest

// seedProduct is one product of the made-up shop.
type seedProduct struct {
	code    string // of the SKU; names the product in the tables here
	title   string
	kind    string // product type
	vendor  string
	price   int64 // in cents
	about   string
	tags    []string
	option1 seedOption
	option2 seedOption
	weight  int    // how often it is picked, 1 to 10
	season  string // winter, summer or all year
	whom    string // whom it is for: w, m, home or all
	consume bool   // is used up and bought again
}

type seedOption struct {
	name   string
	values []string
}

var (
	letterSizes = seedOption{"Size", []string{"S", "M", "L", "XL"}}
	dressSizes  = seedOption{"Size", []string{"XS", "S", "M", "L"}}
	jacketSizes = seedOption{"Size", []string{"38", "40", "42", "44"}}
	waistSizes  = seedOption{"Size", []string{"30", "32", "34", "36"}}
	shoeSizes   = seedOption{"Size", []string{"8", "9", "10", "11"}}
	bedSizes    = seedOption{"Size", []string{"Full", "Queen", "King"}}
	noOption    = seedOption{}
)

func colors(values ...string) seedOption { return seedOption{"Color", values} }

func scents(values ...string) seedOption { return seedOption{"Scent", values} }

const (
	house   = "Alder & Wren"
	mills   = "Northlight Mills"
	cobbler = "Harrow Lane"
	linen   = "Fennel & Slate"
	wax     = "Brightwater Works"
	potter  = "Kiln No. 9"
	roaster = "Early Bird Roasting"
)

var seedProducts = []seedProduct{
	{"OXF", "Oxford Dress Shirt", "Shirts", house, 8900, "Two-ply cotton oxford with a button-down collar.", []string{"cotton", "tailoring"}, colors("White", "Blue"), letterSizes, 9, "", "m", false},
	{"CMP", "Linen Camp Shirt", "Shirts", house, 7800, "Washed European linen, camp collar.", []string{"linen", "summer"}, colors("Sand", "Sage"), letterSizes, 5, "summer", "m", false},
	{"KTI", "Silk Knit Tie", "Ties", mills, 6500, "Knitted silk with a square end.", []string{"silk", "tailoring"}, colors("Navy", "Burgundy", "Forest"), noOption, 4, "", "m", false},
	{"GTI", "Grenadine Tie", "Ties", mills, 8500, "Hand-rolled silk grenadine.", []string{"silk", "tailoring"}, colors("Navy", "Charcoal"), noOption, 3, "", "m", false},
	{"PSQ", "Linen Pocket Square", "Accessories", linen, 3500, "Hand-rolled edges.", []string{"linen", "tailoring"}, colors("White", "Sky", "Rust"), noOption, 2, "", "m", false},
	{"BLZ", "Hopsack Wool Blazer", "Jackets", house, 39500, "Half-lined, natural shoulder.", []string{"wool", "tailoring"}, colors("Navy", "Charcoal"), jacketSizes, 3, "", "m", false},
	{"CHI", "Garment-Dyed Chino", "Trousers", house, 11000, "Cotton twill with a straight leg.", []string{"cotton"}, colors("Khaki", "Navy"), waistSizes, 7, "", "m", false},
	{"JEA", "Selvedge Jean", "Trousers", house, 14800, "Fourteen-ounce denim, straight leg.", []string{"denim"}, waistSizes, noOption, 5, "", "m", false},
	{"BLT", "Bridle Leather Belt", "Accessories", cobbler, 7500, "Full-grain leather, solid brass buckle.", []string{"leather"}, colors("Black", "Brown"), seedOption{"Size", []string{"S", "M", "L"}}, 4, "", "m", false},
	{"DRB", "Derby Shoe", "Shoes", cobbler, 28500, "Goodyear-welted calf leather.", []string{"leather"}, colors("Black", "Oak"), shoeSizes, 3, "", "m", false},
	{"SCK", "Shoe Care Kit", "Shoe Care", cobbler, 3800, "Two brushes, polish and a cloth.", []string{"care"}, noOption, noOption, 2, "", "m", true},
	{"TRE", "Cedar Shoe Trees", "Shoe Care", cobbler, 4200, "Aromatic red cedar, adjustable.", []string{"care"}, noOption, noOption, 1, "", "m", false},
	{"MER", "Merino Crewneck", "Knitwear", mills, 12800, "Extra-fine merino, fully fashioned.", []string{"wool"}, colors("Navy", "Oatmeal"), letterSizes, 6, "winter", "all", false},
	{"CSC", "Cashmere Scarf", "Accessories", mills, 14500, "Woven two-ply cashmere, fringed.", []string{"cashmere", "gift"}, colors("Camel", "Grey", "Ivy"), noOption, 5, "winter", "all", false},
	{"CBE", "Cashmere Beanie", "Accessories", mills, 7800, "Ribbed cashmere.", []string{"cashmere", "gift"}, colors("Camel", "Grey", "Ivy"), noOption, 3, "winter", "all", false},
	{"GLV", "Lined Leather Gloves", "Accessories", cobbler, 9800, "Nappa leather, cashmere lining.", []string{"leather", "gift"}, colors("Black", "Tan"), seedOption{"Size", []string{"S", "M", "L"}}, 3, "winter", "all", false},
	{"WFJ", "Waxed Field Jacket", "Jackets", house, 34500, "Waxed cotton, corduroy collar.", []string{"cotton", "outerwear"}, colors("Olive", "Black"), letterSizes, 3, "winter", "all", false},
	{"WDT", "Wax Dressing Tin", "Garment Care", wax, 1800, "Renews waxed cotton.", []string{"care"}, noOption, noOption, 1, "", "all", true},
	{"SOC", "Cotton Crew Socks, 3 Pairs", "Socks", mills, 3200, "Combed cotton with a reinforced heel.", []string{"cotton", "basics"}, colors("Navy", "Assorted"), noOption, 7, "", "all", true},
	{"BSO", "Boot Socks", "Socks", mills, 2200, "Merino with a cushioned sole.", []string{"wool", "basics"}, colors("Charcoal", "Rust"), noOption, 4, "winter", "all", true},
	{"CHB", "Suede Chelsea Boot", "Shoes", cobbler, 26500, "Water-repellent suede, rubber sole.", []string{"suede"}, colors("Tobacco", "Slate"), shoeSizes, 3, "winter", "all", false},
	{"SUB", "Suede Brush & Protector", "Shoe Care", cobbler, 2600, "Brass brush and a spray.", []string{"care"}, noOption, noOption, 1, "", "all", true},
	{"WRP", "Crepe Wrap Dress", "Dresses", house, 16800, "Fluid crepe, true wrap.", []string{"dress"}, colors("Ink", "Moss"), dressSizes, 6, "", "w", false},
	{"SKT", "Bias Slip Skirt", "Skirts", house, 11800, "Cut on the bias, elastic waist.", []string{"silk"}, colors("Champagne", "Black"), dressSizes, 5, "", "w", false},
	{"SBL", "Washable Silk Blouse", "Tops", house, 13800, "Sand-washed silk.", []string{"silk"}, colors("Ivory", "Navy"), dressSizes, 6, "", "w", false},
	{"CRD", "Fine-Gauge Cardigan", "Knitwear", mills, 12400, "Merino with shell buttons.", []string{"wool"}, colors("Cream", "Berry"), dressSizes, 5, "winter", "w", false},
	{"WLT", "Wide-Leg Trouser", "Trousers", house, 13200, "Wool blend, pressed crease.", []string{"wool"}, colors("Black", "Oat"), dressSizes, 5, "", "w", false},
	{"TOT", "Leather Tote", "Bags", cobbler, 29500, "Vegetable-tanned leather, unlined.", []string{"leather"}, colors("Cognac", "Black"), noOption, 3, "", "w", false},
	{"LCN", "Leather Conditioner", "Leather Care", cobbler, 2000, "Beeswax and neatsfoot oil.", []string{"care"}, noOption, noOption, 1, "", "all", true},
	{"HAT", "Raffia Sun Hat", "Accessories", house, 6400, "Packable raffia, wide brim.", []string{"summer"}, seedOption{"Size", []string{"S/M", "L/XL"}}, noOption, 3, "summer", "w", false},
	{"PSC", "Printed Silk Scarf", "Accessories", mills, 8800, "Hand-rolled silk twill.", []string{"silk", "gift"}, seedOption{"Print", []string{"Fern", "Harbor"}}, noOption, 4, "", "w", false},
	{"PAJ", "Brushed Cotton Pajamas", "Sleepwear", house, 9800, "Piped, with a chest pocket.", []string{"cotton", "gift"}, colors("Navy Stripe", "Rose"), letterSizes, 4, "winter", "all", false},
	{"SLP", "Shearling Slippers", "Shoes", cobbler, 8400, "Suede outside, shearling inside.", []string{"gift"}, shoeSizes, noOption, 3, "winter", "all", false},
	{"ROB", "Waffle Robe", "Sleepwear", linen, 11500, "Cotton waffle, shawl collar.", []string{"cotton", "gift"}, colors("White", "Slate"), seedOption{"Size", []string{"S/M", "L/XL"}}, 3, "", "all", false},
	{"SHE", "Percale Sheet Set", "Bedding", linen, 17800, "Crisp percale: flat, fitted, two cases.", []string{"cotton", "bed"}, bedSizes, colors("White", "Oat"), 5, "", "home", false},
	{"PIL", "Percale Pillowcase Pair", "Bedding", linen, 5800, "Envelope closure.", []string{"cotton", "bed"}, seedOption{"Size", []string{"Standard", "King"}}, colors("White", "Oat"), 3, "", "home", false},
	{"DUV", "Linen Duvet Cover", "Bedding", linen, 24800, "Stonewashed linen with shell buttons.", []string{"linen", "bed"}, bedSizes, colors("Flax", "Mist"), 3, "", "home", false},
	{"SHM", "Linen Pillow Sham", "Bedding", linen, 6400, "Stonewashed linen, flange edge.", []string{"linen", "bed"}, seedOption{"Size", []string{"Standard", "King"}}, colors("Flax", "Mist"), 2, "", "home", false},
	{"THR", "Herringbone Wool Throw", "Throws", mills, 13500, "Lambswool, fringed.", []string{"wool", "gift"}, colors("Cream", "Heather"), noOption, 4, "winter", "home", false},
	{"CUS", "Linen Cushion Cover", "Cushions", linen, 5200, "Twenty inches square, hidden zip.", []string{"linen"}, colors("Clay", "Flax", "Indigo"), noOption, 4, "", "home", false},
	{"INS", "Feather Cushion Insert", "Cushions", linen, 2800, "Twenty-two inches square.", nil, noOption, noOption, 2, "", "home", false},
	{"BTW", "Turkish Bath Towel", "Bath", linen, 4200, "Long-staple cotton, six hundred grams.", []string{"cotton", "bath"}, colors("White", "Sea", "Clay"), noOption, 6, "", "home", false},
	{"HTW", "Turkish Hand Towel", "Bath", linen, 2600, "Matches the bath towel.", []string{"cotton", "bath"}, colors("White", "Sea", "Clay"), noOption, 4, "", "home", false},
	{"MAT", "Cotton Bath Mat", "Bath", linen, 4800, "Tufted, with a woven edge.", []string{"cotton", "bath"}, colors("White", "Sea"), noOption, 3, "", "home", false},
	{"SOA", "Olive Oil Soap", "Bath", wax, 1400, "Cold-pressed, six ounces.", []string{"bath", "gift"}, scents("Rosemary", "Unscented", "Citrus"), noOption, 8, "", "home", true},
	{"DIS", "Stoneware Soap Dish", "Bath", potter, 2200, "Glazed, with drain.", []string{"bath"}, noOption, noOption, 2, "", "home", false},
	{"CAN", "Soy Candle", "Candles", wax, 3600, "Fifty hours, cotton wick.", []string{"candle", "gift"}, scents("Cedar", "Fig", "Sea Salt"), noOption, 10, "", "home", true},
	{"MTC", "Long Matches", "Candles", wax, 1200, "Eighty in a glass jar.", []string{"candle"}, noOption, noOption, 3, "", "home", true},
	{"WCK", "Wick Trimmer", "Candles", wax, 2400, "Matte black steel.", []string{"candle"}, noOption, noOption, 1, "", "home", false},
	{"DIF", "Reed Diffuser", "Home Fragrance", wax, 4800, "Three months of scent.", []string{"gift"}, scents("Cedar", "Fig"), noOption, 4, "", "home", false},
	{"REF", "Diffuser Refill", "Home Fragrance", wax, 2800, "With new reeds.", nil, scents("Cedar", "Fig"), noOption, 3, "", "home", true},
	{"NAP", "Linen Napkins, Set of 4", "Table", linen, 4600, "Mitered corners.", []string{"linen", "table"}, colors("White", "Flax", "Olive"), noOption, 4, "", "home", false},
	{"RUN", "Linen Table Runner", "Table", linen, 6800, "Ninety inches.", []string{"linen", "table"}, colors("White", "Flax", "Olive"), noOption, 2, "", "home", false},
	{"PLA", "Stoneware Dinner Plate", "Table", potter, 2800, "Reactive glaze, dishwasher-safe.", []string{"table"}, colors("Chalk", "Tide"), noOption, 5, "", "home", false},
	{"BOW", "Stoneware Bowl", "Table", potter, 2400, "Matches the dinner plate.", []string{"table"}, colors("Chalk", "Tide"), noOption, 4, "", "home", false},
	{"MUG", "Stoneware Mug", "Table", potter, 2200, "Twelve ounces.", []string{"table", "gift"}, colors("Chalk", "Tide"), noOption, 6, "", "home", false},
	{"COF", "Whole Bean Coffee", "Pantry", roaster, 1900, "Twelve ounces, medium roast.", []string{"pantry"}, seedOption{"Roast", []string{"House", "Decaf"}}, noOption, 8, "", "home", true},
	{"DRP", "Pour-Over Dripper", "Kitchen", potter, 3200, "Stoneware, for size 2 filters.", []string{"kitchen"}, noOption, noOption, 2, "", "home", false},
	{"FIL", "Paper Coffee Filters", "Kitchen", roaster, 900, "One hundred, size 2.", []string{"kitchen"}, noOption, noOption, 3, "", "home", true},
	{"BRD", "Olive Wood Board", "Kitchen", house, 7200, "One piece, with handle.", []string{"kitchen", "gift"}, noOption, noOption, 3, "", "home", false},
	{"OIL", "Board Oil", "Kitchen", wax, 1600, "Food-safe mineral oil and beeswax.", []string{"kitchen", "care"}, noOption, noOption, 2, "", "home", true},
	{"TEA", "Linen Tea Towel Pair", "Kitchen", linen, 2400, "Lint-free linen.", []string{"linen", "kitchen", "gift"}, colors("Indigo", "Rust"), noOption, 5, "", "home", false},
	{"VAS", "Bud Vase", "Decor", potter, 2800, "Hand-thrown, four inches.", []string{"gift"}, colors("Chalk", "Moss"), noOption, 3, "", "home", false},
	{"JRN", "Leather Journal", "Stationery", cobbler, 4200, "Refillable, dotted pages.", []string{"gift"}, colors("Cognac", "Black"), noOption, 3, "", "all", false},
	{"PEN", "Brass Pen", "Stationery", house, 2800, "Takes a standard refill.", []string{"gift"}, noOption, noOption, 2, "", "all", false},
	{"BOX", "Gift Box", "Gift Wrap", house, 800, "With tissue and ribbon.", []string{"gift"}, noOption, noOption, 1, "", "all", false},
	{"LPC", "Letterpress Card", "Gift Wrap", house, 600, "Blank inside.", []string{"gift"}, seedOption{"Motif", []string{"Wren", "Alder"}}, noOption, 2, "", "all", false},
}

// seedPairs is what goes with what: who buys the first adds the second with that chance in a hundred.
var seedPairs = []struct {
	with, add string
	percent   int
}{
	{"OXF", "KTI", 30},
	{"OXF", "GTI", 14},
	{"OXF", "PSQ", 8},
	{"BLZ", "OXF", 40},
	{"BLZ", "PSQ", 30},
	{"BLZ", "GTI", 20},
	{"GTI", "PSQ", 20},
	{"CHI", "BLT", 28},
	{"JEA", "BLT", 18},
	{"JEA", "SOC", 12},
	{"DRB", "SCK", 34},
	{"DRB", "TRE", 30},
	{"DRB", "SOC", 15},
	{"CHB", "SUB", 42},
	{"CHB", "BSO", 28},
	{"WFJ", "WDT", 48},
	{"CSC", "GLV", 25},
	{"CSC", "CBE", 28},
	{"MER", "CSC", 10},
	{"WRP", "PSC", 22},
	{"SBL", "SKT", 24},
	{"SBL", "WLT", 18},
	{"SKT", "CRD", 16},
	{"TOT", "LCN", 36},
	{"PAJ", "SLP", 34},
	{"ROB", "SLP", 18},
	{"ROB", "BTW", 16},
	{"SHE", "PIL", 55},
	{"DUV", "SHM", 52},
	{"DUV", "SHE", 18},
	{"THR", "CUS", 12},
	{"CUS", "INS", 62},
	{"BTW", "HTW", 50},
	{"BTW", "MAT", 26},
	{"SOA", "DIS", 18},
	{"CAN", "MTC", 44},
	{"CAN", "WCK", 14},
	{"DIF", "REF", 32},
	{"NAP", "RUN", 30},
	{"PLA", "BOW", 48},
	{"PLA", "MUG", 20},
	{"MUG", "COF", 14},
	{"DRP", "FIL", 64},
	{"DRP", "COF", 46},
	{"COF", "FIL", 28},
	{"BRD", "OIL", 50},
	{"TEA", "SOA", 14},
	{"JRN", "PEN", 40},
	{"VAS", "CAN", 14},
}
