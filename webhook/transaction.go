package webhook

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"
)

// Transaction is the payload of order_transactions/create, and one of a
// refund's or an order's transactions: a payment or its reversal.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/transaction
type Transaction struct {
	ID                int64  `json:"id"`
	AdminGraphqlAPIID string `json:"admin_graphql_api_id"`
	OrderID           int64  `json:"order_id"`
	ParentID          *int64 `json:"parent_id"`
	PaymentID         string `json:"payment_id"`

	Kind    string `json:"kind"`    // authorization, sale, capture, void, refund, change
	Status  string `json:"status"`  // pending, failure, success, error
	Gateway string `json:"gateway"` // such as cash, shopify_payments, gift_card

	// AmountRounding is what cash was rounded by, in countries without small
	// coins. TotalUnsettledSet is what is still to be captured.
	Amount            decimal.Decimal  `json:"amount"`
	Currency          string           `json:"currency"`
	AmountRounding    *decimal.Decimal `json:"amount_rounding"`
	TotalUnsettledSet *MoneySet        `json:"total_unsettled_set"`

	CreatedAt   time.Time  `json:"created_at"`
	ProcessedAt *time.Time `json:"processed_at"`

	LocationID *int64 `json:"location_id"`
	UserID     *int64 `json:"user_id"`
	DeviceID   *int64 `json:"device_id"`
	SourceName string `json:"source_name"` // "pos" at a register

	Authorization        string `json:"authorization"`
	ErrorCode            string `json:"error_code"`
	Message              string `json:"message"`
	Test                 bool   `json:"test"`
	ManualPaymentGateway bool   `json:"manual_payment_gateway"`

	// PaymentDetails describe the card, if there was one.
	PaymentDetails *PaymentDetails `json:"payment_details"`

	// Receipt is what the payment provider says; each has its own form.
	Receipt json.RawMessage `json:"receipt,omitempty"`

	Extra Extra `json:"-"`
}

// PaymentDetails describe the card that was used, as far as it may be known.
// CreditCardNumber is masked, such as "•••• •••• •••• 4242".
type PaymentDetails struct {
	CreditCardBIN             string `json:"credit_card_bin"`
	AVSResultCode             string `json:"avs_result_code"`
	CVVResultCode             string `json:"cvv_result_code"`
	CreditCardNumber          string `json:"credit_card_number"`
	CreditCardCompany         string `json:"credit_card_company"`
	CreditCardName            string `json:"credit_card_name"`
	CreditCardWallet          string `json:"credit_card_wallet"`
	CreditCardExpirationMonth *int64 `json:"credit_card_expiration_month"`
	CreditCardExpirationYear  *int64 `json:"credit_card_expiration_year"`
	PaymentMethodName         string `json:"payment_method_name"`

	Extra Extra `json:"-"`
}

// TenderTransaction is the payload of tender_transactions/create: money that
// changed hands. A refund has a negative Amount.
//
// https://shopify.dev/docs/api/admin-rest/latest/resources/tendertransaction
type TenderTransaction struct {
	ID          int64           `json:"id"`
	OrderID     int64           `json:"order_id"`
	Amount      decimal.Decimal `json:"amount"`
	Currency    string          `json:"currency"`
	UserID      *int64          `json:"user_id"`
	Test        bool            `json:"test"`
	ProcessedAt *time.Time      `json:"processed_at"`

	// PaymentMethod is such as credit_card, cash, android_pay, apple_pay,
	// shopify_pay, klarna or unknown. RemoteReference is the payment
	// provider's name for the transaction.
	PaymentMethod   string                `json:"payment_method"`
	RemoteReference string                `json:"remote_reference"`
	PaymentDetails  *TenderPaymentDetails `json:"payment_details"`

	Extra Extra `json:"-"`
}

// TenderPaymentDetails describe the card that was used. CreditCardNumber is
// masked.
type TenderPaymentDetails struct {
	CreditCardNumber  string `json:"credit_card_number"`
	CreditCardCompany string `json:"credit_card_company"`

	Extra Extra `json:"-"`
}
