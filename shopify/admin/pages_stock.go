package admin

import (
	"context"
	"iter"

	"github.com/Khan/genqlient/graphql"
	"github.com/posai-go/posai/shopify"
)

// InventoryItems returns inventory items with their levels at all locations.
func InventoryItems(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[InventoryItem, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[InventoryItem], error) {
		resp, err := ListInventoryItems(ctx, client, opts.pageSize(25), after, opts.query())
		return page(resp.InventoryItems.Nodes, resp.InventoryItems.PageInfo), err
	})
}

// InventoryLevels returns what a location stocks. A location that does not
// exist stocks nothing.
func InventoryLevels(ctx context.Context, client graphql.Client, location shopify.GID, opts *ListOptions) iter.Seq2[InventoryLevel, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[InventoryLevel], error) {
		resp, err := ListInventoryLevels(ctx, client, location, opts.pageSize(100), after, opts.query())
		if resp.Location == nil {
			return shopify.Page[InventoryLevel]{}, err
		}
		return page(resp.Location.InventoryLevels.Nodes, resp.Location.InventoryLevels.PageInfo), err
	})
}

// InventoryTransfers returns transfers of stock between locations.
func InventoryTransfers(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[Transfer, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[Transfer], error) {
		resp, err := ListInventoryTransfers(ctx, client, opts.pageSize(25), after, opts.query(), shopify.Optional[TransferSortKeys]{}, shopify.Optional[bool]{})
		return page(resp.InventoryTransfers.Nodes, resp.InventoryTransfers.PageInfo), err
	})
}

// CashSessions returns the cash sessions of the registers.
func CashSessions(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[CashSession, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[CashSession], error) {
		resp, err := ListCashSessions(ctx, client, opts.pageSize(50), after, opts.query(), shopify.Optional[CashTrackingSessionsSortKeys]{}, shopify.Optional[bool]{})
		return page(resp.CashTrackingSessions.Nodes, resp.CashTrackingSessions.PageInfo), err
	})
}

// StaffMembers returns the staff.
func StaffMembers(ctx context.Context, client graphql.Client, opts *ListOptions) iter.Seq2[StaffMember, error] {
	return shopify.Nodes(ctx, func(ctx context.Context, after shopify.Optional[string]) (shopify.Page[StaffMember], error) {
		resp, err := ListStaffMembers(ctx, client, opts.pageSize(100), after, opts.query(), shopify.Optional[StaffMembersSortKeys]{}, shopify.Optional[bool]{})
		if resp.StaffMembers == nil {
			return shopify.Page[StaffMember]{}, err
		}
		return page(resp.StaffMembers.Nodes, resp.StaffMembers.PageInfo), err
	})
}
