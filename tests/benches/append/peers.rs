//! What others would use instead, on the same disk: the same record in a table with a hash chain,
//! one durable commit for each group. None of them signs anything.

use crate::measure::Table;

pub(crate) async fn rows(_table: &mut Table) {}
