//! Sessions: one real meeting of one pairing, put together from all the copies of the event.
