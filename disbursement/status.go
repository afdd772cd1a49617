package disbursement

import "slices"

// EnvelopeStatus is where an envelope is in its life.
type EnvelopeStatus string

// An envelope is awarded by the draw, claimed by its winner, ordered once an order of a batch carries it, and credited
// when the operator has put it into the wallet. At spend_until it is expired: what is unspent is recalled, and when
// nothing is left it is closed; a refund that comes later opens it again. A winner who gives up or lets the deadline
// pass forfeits it to the waitlist.
const (
	Awarded   EnvelopeStatus = "awarded"
	Claimed   EnvelopeStatus = "claimed"
	Ordered   EnvelopeStatus = "ordered"
	Credited  EnvelopeStatus = "credited"
	Expired   EnvelopeStatus = "expired"
	Closed    EnvelopeStatus = "closed"
	Forfeited EnvelopeStatus = "forfeited"
)

// EnvelopeStatuses are all of them.
var EnvelopeStatuses = []EnvelopeStatus{Awarded, Claimed, Ordered, Credited, Expired, Closed, Forfeited}

// May says whether an envelope may go from one status to another.
func (from EnvelopeStatus) May(to EnvelopeStatus) bool {
	switch from {
	case Awarded:
		return to == Claimed || to == Forfeited
	case Claimed:
		return to == Ordered || to == Forfeited || to == Closed
	case Ordered: // back to claimed when the batch is rejected, closed when it could not be paid before it expired
		return to == Credited || to == Claimed || to == Closed
	case Credited: // back to ordered when the operator returns the money after success
		return to == Expired || to == Ordered
	case Expired: // back to ordered as above, when the return is reported late
		return to == Closed || to == Ordered
	case Closed:
		return to == Expired
	}
	return false
}

// OrderStatus is where an order to an operator is.
type OrderStatus string

// An order is prepared in a batch, approved or rejected with it, and sending while a call is under way. The operator has accepted it, is processing it, or it is unknown what the operator did: then it is asked
// until the order has succeeded, failed for good, or turns out never to have been received, which makes it approved
// again, to be sent with the same number and content. Money that comes back after success makes it returned.
const (
	OrderPrepared   OrderStatus = "prepared"
	OrderApproved   OrderStatus = "approved"
	OrderRejected   OrderStatus = "rejected"
	OrderSending    OrderStatus = "sending"
	OrderAccepted   OrderStatus = "accepted"
	OrderProcessing OrderStatus = "processing"
	OrderUnknown    OrderStatus = "unknown"
	OrderSucceeded  OrderStatus = "succeeded"
	OrderFailed     OrderStatus = "failed"
	OrderReturned   OrderStatus = "returned"
)

// OrderStatuses are all of them.
var OrderStatuses = []OrderStatus{OrderPrepared, OrderApproved, OrderRejected, OrderSending, OrderAccepted, OrderProcessing,
	OrderUnknown, OrderSucceeded, OrderFailed, OrderReturned}

// asked are the statuses in which the operator has the order, or may have it: its money is in flight.
var asked = []OrderStatus{OrderSending, OrderAccepted, OrderProcessing, OrderUnknown}

// live are the statuses in which an order may still change the money.
var live = append([]OrderStatus{OrderPrepared, OrderApproved}, asked...)

// May says whether an order may go from one status to another.
func (from OrderStatus) May(to OrderStatus) bool {
	switch from {
	case OrderPrepared:
		return to == OrderApproved || to == OrderRejected
	case OrderApproved: // failed: the envelope expired before it was ever sent; succeeded: a return that no operator carries out
		return to == OrderSending || to == OrderFailed || to == OrderSucceeded
	case OrderSending, OrderAccepted, OrderProcessing, OrderUnknown:
		return to != from && to != OrderPrepared && to != OrderRejected && to != OrderSending
	case OrderSucceeded:
		return to == OrderReturned
	}
	return false
}

// inFlight says whether an order's money is in flight.
func (s OrderStatus) inFlight() bool { return slices.Contains(asked, s) }

// BatchStatus is where a batch of orders is.
type BatchStatus string

// A batch is prepared by one person and approved or rejected by another; it is dispatching from its first call, and
// done when none of its orders is open any more.
const (
	BatchPrepared    BatchStatus = "prepared"
	BatchApproved    BatchStatus = "approved"
	BatchRejected    BatchStatus = "rejected"
	BatchDispatching BatchStatus = "dispatching"
	BatchDone        BatchStatus = "done"
)

// BatchStatuses are all of them.
var BatchStatuses = []BatchStatus{BatchPrepared, BatchApproved, BatchRejected, BatchDispatching, BatchDone}

// May says whether a batch may go from one status to another.
func (from BatchStatus) May(to BatchStatus) bool {
	switch from {
	case BatchPrepared:
		return to == BatchApproved || to == BatchRejected
	case BatchApproved: // straight to done: nothing of it had to be sent
		return to == BatchDispatching || to == BatchDone
	case BatchDispatching:
		return to == BatchDone
	}
	return false
}
