package webhook

import (
	"time"
)

// CustomerTags is the payload of customer.tags_added and customer.tags_removed:
// the tags that came or went, not those that there are.
type CustomerTags struct {
	CustomerID int64     `json:"customerId"`
	Tags       []string  `json:"tags"`
	OccurredAt time.Time `json:"occurredAt"`

	Extra Extra `json:"-"`
}

// CustomerSegment is the payload of customer.joined_segment and
// customer.left_segment.
type CustomerSegment struct {
	ShopID     int64 `json:"shop_id"`
	CustomerID int64 `json:"customer_id"`
	SegmentID  int64 `json:"segment_id"`

	Extra Extra `json:"-"`
}

// CustomerMerge is the payload of customers/merge. The one customer lives on
// under KeptID; what is stored of DeletedID belongs to it from then on.
type CustomerMerge struct {
	KeptID    int64                `json:"admin_graphql_api_customer_kept_id"`
	DeletedID int64                `json:"admin_graphql_api_customer_deleted_id"`
	JobID     string               `json:"admin_graphql_api_job_id"`
	Status    string               `json:"status"` // requested, in_progress, completed, failed
	Errors    []CustomerMergeError `json:"errors"`

	Extra Extra `json:"-"`
}

// CustomerMergeError says why customers could not be merged.
type CustomerMergeError struct {
	CustomerIDs []int64 `json:"customer_ids"`
	Field       string  `json:"field"`
	Message     string  `json:"message"`

	Extra Extra `json:"-"`
}

// PurchasingSummary is the payload of customers/purchasing_summary.
type PurchasingSummary struct {
	CustomerID     int64     `json:"customerId"`
	NumberOfOrders int64     `json:"numberOfOrders"`
	AmountSpent    MoneyPart `json:"amountSpent"`
	LastOrderID    *int64    `json:"lastOrderId"`
	OccurredAt     time.Time `json:"occurredAt"`

	Extra Extra `json:"-"`
}

// Segment is the payload of segments/create and segments/update. Query is in
// the language of segments, such as "number_of_orders > 5".
type Segment struct {
	ID           int64      `json:"id"`
	Name         string     `json:"name"`
	Query        string     `json:"query"`
	CreationDate *time.Time `json:"creationDate"`
	LastEditDate *time.Time `json:"lastEditDate"`

	Extra Extra `json:"-"`
}
