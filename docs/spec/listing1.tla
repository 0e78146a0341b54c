------------------------------- MODULE listing1 -------------------------------
(* Listing 1 of J. Machacek, Integrating microservices (2018), section 2.1, as it stands, for one partition and one instance: *)
(*                                                                                                                        *)
(*   if emptyState then (tps, state) <- poll(A); insert(state); subscribe(SemiAutomatic, tps, update)                     *)
(*   else subscribe(FullyAutomatic, update)                                                                               *)
(*                                                                                                                        *)
(* emptyState is decided by the rows, an insert or update and the commit of an offset are two transactions, and           *)
(* FullyAutomatic resumes from the last offset committed. docs/spec/model.md tells what TLC finds.                        *)
EXTENDS Integers

CONSTANTS
  MaxRecords, Crashes,
  WithTps,      \* FALSE: the simple algorithm that the paper warns of, state <- poll(A); subscribe(A)
  IfNone        \* "latest" or "earliest": where a subscription begins for which no offset was ever committed

VARIABLES
  head,         \* records that A has published
  rows,         \* B's: record -> how often it took effect; "empty" before the first insert
  committed,    \* the last offset committed; -1: none
  at,           \* what B is doing
  tps, next,    \* B's memory: the snapshot's position, and the last record read
  crashes

vars == <<head, rows, committed, at, tps, next, crashes>>
Max(a, b) == IF a > b THEN a ELSE b

Init ==
  /\ head = 0 /\ rows = [state |-> "empty", got |-> [n \in 1..MaxRecords |-> 0]] /\ committed = -1
  /\ at = "starting" /\ tps = 0 /\ next = 0 /\ crashes = Crashes

Publish == head < MaxRecords /\ head' = head + 1 /\ UNCHANGED <<rows, committed, at, tps, next, crashes>>

Poll ==
  /\ at = "starting" /\ rows.state = "empty"
  /\ tps' = head /\ at' = "polled"
  /\ UNCHANGED <<head, rows, committed, next, crashes>>

Insert ==
  /\ at = "polled"
  /\ rows' = [state |-> "filled", got |-> [n \in 1..MaxRecords |-> IF n <= tps THEN 1 ELSE 0]]
  /\ at' = "inserted"
  /\ UNCHANGED <<head, committed, tps, next, crashes>>

SemiAutomatic ==
  /\ at = "inserted"
  /\ next' = (IF WithTps THEN tps ELSE head) /\ at' = "reading"
  /\ UNCHANGED <<head, rows, committed, tps, crashes>>

FullyAutomatic ==
  /\ at = "starting" /\ rows.state = "filled"
  /\ next' = (IF committed >= 0 THEN committed ELSE IF IfNone = "latest" THEN head ELSE 0) /\ at' = "reading"
  /\ UNCHANGED <<head, rows, committed, tps, crashes>>

Update ==
  /\ at = "reading" /\ next < head
  /\ rows' = [rows EXCEPT !.got[next + 1] = @ + 1] /\ next' = next + 1
  /\ UNCHANGED <<head, committed, at, tps, crashes>>

Commit ==
  /\ at = "reading" /\ committed # next
  /\ committed' = next
  /\ UNCHANGED <<head, rows, at, tps, next, crashes>>

Crash ==
  /\ crashes > 0 /\ at # "starting"
  /\ crashes' = crashes - 1 /\ at' = "starting" /\ tps' = 0 /\ next' = 0
  /\ UNCHANGED <<head, rows, committed>>

Next == Publish \/ Poll \/ Insert \/ SemiAutomatic \/ FullyAutomatic \/ Update \/ Commit \/ Crash
Spec == Init /\ [][Next]_vars

(* Whatever B has read past is in its rows, *)
I1_NoLoss == at = "reading" => \A n \in 1..next: rows.got[n] > 0
(* and once only. *)
I2_NoDouble == \A n \in 1..MaxRecords: rows.got[n] <= 1
=============================================================================
