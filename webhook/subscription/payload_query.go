package subscription

// The operations that read what a payload is made of. Their aliases are the
// names that the fields have in Shopify's payloads, so that most of an answer
// is the payload already; the names of a single capital letter are taken apart
// by rest.go.

const moneyFragment = `
fragment Money on MoneyBag {
  shop_money: shopMoney { amount currency_code: currencyCode }
  presentment_money: presentmentMoney { amount currency_code: currencyCode }
}`

const addressFragment = `
fragment Address on MailingAddress {
  first_name: firstName last_name: lastName name company address1 address2 city zip phone
  province province_code: provinceCode country country_code: countryCodeV2 latitude longitude
}`

const taxFragment = `
fragment Tax on TaxLine { title rate channel_liable: channelLiable price_set: priceSet { ...Money } }`

const allocationFragment = `
fragment Allocation on DiscountAllocation { amount_set: allocatedAmountSet { ...Money } A: discountApplication { index } }`

const customerFragment = `
fragment Customer on Customer {
  admin_graphql_api_id: id created_at: createdAt updated_at: updatedAt
  first_name: firstName last_name: lastName note state verified_email: verifiedEmail
  tax_exempt: taxExempt tax_exemptions: taxExemptions T: tags multipass_identifier: multipassIdentifier
  N: numberOfOrders S: amountSpent { amount currencyCode } L: lastOrder { id name }
  E: defaultEmailAddress { emailAddress marketingState marketingOptInLevel marketingUpdatedAt }
  P: defaultPhoneNumber { phoneNumber marketingState marketingOptInLevel marketingUpdatedAt marketingCollectedFrom }
  default_address: defaultAddress { I: id ...Address }
}`

const lineFragment = `
fragment Line on LineItem {
  admin_graphql_api_id: id title name variant_title: variantTitle sku vendor
  quantity current_quantity: currentQuantity fulfillable_quantity: unfulfilledQuantity
  price_set: originalUnitPriceSet { ...Money } total_discount_set: totalDiscountSet { ...Money }
  gift_card: isGiftCard taxable requires_shipping: requiresShipping
  P: product { id } V: variant { id } C: customAttributes { name: key value }
  tax_lines: taxLines(first: 20) { ...Tax } discount_allocations: discountAllocations { ...Allocation }
  W: staffMember { id }
}`

const orderOperation = `query ReconcileOrder($id: ID!) {
  order(id: $id) {
    admin_graphql_api_id: id name order_number: number confirmation_number: confirmationNumber confirmed test po_number: poNumber
    cart_token: cartToken checkout_token: checkoutToken
    created_at: createdAt updated_at: updatedAt processed_at: processedAt closed_at: closedAt cancelled_at: cancelledAt R: cancelReason
    A: app { id } source_name: sourceName source_identifier: sourceIdentifier source_url: registeredSourceUrl
    L: retailLocation { id } W: staffMember { id } M: merchantOfRecordApp { id }
    email phone customer_locale: customerLocale buyer_accepts_marketing: customerAcceptsMarketing browser_ip: clientIp
    currency: currencyCode presentment_currency: presentmentCurrencyCode
    F: displayFinancialStatus U: displayFulfillmentStatus payment_gateway_names: paymentGatewayNames
    note C: customAttributes { name: key value } T: tags
    taxes_included: taxesIncluded tax_exempt: taxExempt estimated_taxes: estimatedTaxes duties_included: dutiesIncluded
    H: totalWeight order_status_url: statusPageUrl
    subtotal_price_set: subtotalPriceSet { ...Money } total_price_set: totalPriceSet { ...Money }
    total_tax_set: totalTaxSet { ...Money } total_discounts_set: totalDiscountsSet { ...Money }
    total_shipping_price_set: totalShippingPriceSet { ...Money }
    current_subtotal_price_set: currentSubtotalPriceSet { ...Money } current_total_price_set: currentTotalPriceSet { ...Money }
    current_total_tax_set: currentTotalTaxSet { ...Money } current_total_discounts_set: currentTotalDiscountsSet { ...Money }
    current_total_duties_set: currentTotalDutiesSet { ...Money } original_total_duties_set: originalTotalDutiesSet { ...Money }
    current_total_additional_fees_set: currentTotalAdditionalFeesSet { ...Money }
    original_total_additional_fees_set: originalTotalAdditionalFeesSet { ...Money }
    O: totalOutstandingSet { ...Money } G: totalTipReceivedSet { ...Money }
    Z: totalCashRoundingAdjustment { paymentSet { ...Money } refundSet { ...Money } }
    tax_lines: taxLines { ...Tax }
    shipping_address: shippingAddress { ...Address } billing_address: billingAddress { ...Address }
    customer { ...Customer }
    S: shippingLines(first: 20) { nodes {
      I: id title code source carrier_identifier: carrierIdentifier phone is_removed: isRemoved
      price_set: originalPriceSet { ...Money } discounted_price_set: discountedPriceSet { ...Money }
      tax_lines: taxLines { ...Tax } discount_allocations: discountAllocations { ...Allocation }
    } }
    D: discountApplications(first: 50) { nodes {
      K: __typename allocationMethod targetSelection targetType index
      value { ... on MoneyV2 { amount } ... on PricingPercentageValue { percentage } }
      ... on DiscountCodeApplication { code }
      ... on ManualDiscountApplication { title description }
      ... on AutomaticDiscountApplication { title }
      ... on ScriptDiscountApplication { title }
    } }
    fulfillments(first: 50) {
      admin_graphql_api_id: id name status created_at: createdAt updated_at: updatedAt L: location { id }
      I: trackingInfo(first: 20) { company number url }
    }
    B: refunds(first: 100) { id }
  }
}` + moneyFragment + addressFragment + taxFragment + allocationFragment + customerFragment

const linesOperation = `query ReconcileOrderLines($id: ID!, $after: String) {
  order(id: $id) { lineItems(first: 25, after: $after) { nodes { ...Line } pageInfo { hasNextPage endCursor } } }
}` + moneyFragment + taxFragment + allocationFragment + lineFragment

const refundOperation = `query ReconcileRefund($id: ID!, $after: String) {
  refund(id: $id) {
    admin_graphql_api_id: id created_at: createdAt processed_at: processedAt updated_at: updatedAt note
    O: order { id } W: staffMember { id } R: return { id }
    T: transactions(first: 20) { nodes {
      admin_graphql_api_id: id K: kind S: status gateway amount_set: amountSet { ...Money }
      created_at: createdAt processed_at: processedAt test payment_id: paymentId E: errorCode
      P: parentTransaction { id } L: location { id } W: user { id } D: device { id } receipt: receiptJson
    } }
    J: orderAdjustments(first: 20) { nodes { I: id reason amount_set: amountSet { ...Money } tax_amount_set: taxAmountSet { ...Money } } }
    refundLineItems(first: 20, after: $after) { nodes {
      I: id quantity K: restockType L: location { id }
      subtotal_set: subtotalSet { ...Money } total_tax_set: totalTaxSet { ...Money }
      line_item: lineItem { ...Line }
    } pageInfo { hasNextPage endCursor } }
  }
}` + moneyFragment + taxFragment + allocationFragment + lineFragment

const customerOperation = `query ReconcileCustomer($id: ID!) {
  customer(id: $id) { ...Customer }
}` + addressFragment + customerFragment
