------------------------------- MODULE handoff -------------------------------
(* The rules of docs/spec/handoff.md for one replica that several instances share. docs/spec/model.md tells what is modelled, *)
(* what is left out and why that is sound, and what was found; `npm run model` checks it. (Numbers) are those of the rules. *)
EXTENDS Integers, FiniteSets, TLC

CONSTANTS
  Instances, Partitions,
  Late,         \* partitions that are added only after the start
  MaxRecords,   \* records of a partition in one epoch
  MaxTerm,      \* terms beyond it aren't looked at
  Publishes, Crashes, Trims, Recreations, Refusals, Breaks, Unknowns,  \* how often each of these may happen, in all
  Stale,        \* A may answer from any earlier state; otherwise its snapshots are of now
  Mirror,       \* B reads a mirror that may be behind what A knows
  Resume,       \* what a dead bootstrapper has staged may be gone on with
  Takeover,     \* "dead": of instances that crashed. "any": also of one that lives, and is frozen or slow
  Without       \* rules that are left out: mutants of the model

ASSUME Late \subseteq Partitions /\ Takeover \in {"dead", "any"}

VARIABLES
  log,     \* partition -> epoch, head, seen (what readers see of it: less than head in a mirror), base (deleted through)
  replica, \* state, term, position, rows; what is staged, partition by partition, and of which snapshot (seal)
  inst,    \* what each instance holds in its memory
  left,    \* publications and faults that may still happen
  zombie   \* a write under a term that was over has taken effect

vars == <<log, replica, inst, left, zombie>>

Keeps(rule) == rule \notin Without
Max(a, b) == IF a > b THEN a ELSE b

(* A mark is an epoch and the last offset included. -1: the position doesn't name the partition; -2: there is no position. *)
None == [p \in Partitions |-> [e |-> 0, n |-> -2]]
Through(mark) == Max(mark.n, 0)

(* Rows, by the records of one epoch that they hold and how often; `alien` counts records of another one that came on top. *)
RowsAt(mark) == [e |-> mark.e, got |-> [n \in 1..MaxRecords |-> IF n <= mark.n THEN 1 ELSE 0], alien |-> 0]
NoRows == [p \in Partitions |-> RowsAt(None[p])]
With(rows, e, n) ==
  IF rows.e = e THEN [rows EXCEPT !.got[n] = @ + 1] ELSE [rows EXCEPT !.alien = @ + 1]

NoCursor == [term |-> 0, e |-> 0, at |-> 0, idle |-> FALSE, dropped |-> FALSE]
NoCursors == [p \in Partitions |-> NoCursor]
NoBatch == [term |-> 0, e |-> 0, after |-> 0]
AllOk == [p \in Partitions |-> "ok"]

(* `seen`: the replica as it was loaded. `held`: the term that it bootstraps under. `serving`: the one that it applies under. *)
Down == [
  at |-> "down", serving |-> 0, held |-> 0, seen |-> [state |-> "empty", term |-> 0, pos |-> None],
  snap |-> None, resumed |-> FALSE, lost |-> AllOk, cursor |-> NoCursors, batch |-> [p \in Partitions |-> NoBatch]]

Init ==
  /\ log = [p \in Partitions |-> LET head == IF p \in Late THEN -1 ELSE 0 IN
              [epoch |-> 1, head |-> head, seen |-> head, base |-> 0]]
  /\ replica = [state |-> "empty", term |-> 0, pos |-> None, rows |-> NoRows, staged |-> None, seal |-> None]
  /\ inst = [i \in Instances |-> Down]
  /\ left = [publish |-> Publishes, crash |-> Crashes, trim |-> Trims, recreate |-> Recreations, refuse |-> Refusals,
             break |-> Breaks, unknown |-> Unknowns]
  /\ zombie = FALSE

Become(i, me) == inst' = [inst EXCEPT ![i] = me]
Spend(what) == left[what] > 0 /\ left' = [left EXCEPT ![what] = @ - 1]

(***************************************************************************)
(* The log                                                                 *)
(***************************************************************************)

Publish(p) ==
  /\ log[p].head \in 0..(MaxRecords - 1)
  /\ Spend("publish")
  /\ log' = [log EXCEPT ![p].head = @ + 1, ![p].seen = IF Mirror THEN @ ELSE @ + 1]
  /\ UNCHANGED <<replica, inst, zombie>>

Reflect(p) ==
  /\ Mirror /\ log[p].seen < log[p].head
  /\ log' = [log EXCEPT ![p].seen = @ + 1]
  /\ UNCHANGED <<replica, inst, left, zombie>>

Add(p) ==
  /\ log[p].head = -1
  /\ log' = [log EXCEPT ![p].head = 0, ![p].seen = 0]
  /\ UNCHANGED <<replica, inst, left, zombie>>

(* Retention *)
Trim(p) ==
  /\ log[p].base < log[p].seen
  /\ Spend("trim")
  /\ \E through \in (log[p].base + 1)..log[p].seen: log' = [log EXCEPT ![p].base = through]
  /\ UNCHANGED <<replica, inst, zombie>>

Recreate(p) ==
  /\ log[p].head >= 0
  /\ Spend("recreate")
  /\ log' = [log EXCEPT ![p] = [epoch |-> @.epoch + 1, head |-> 0, seen |-> 0, base |-> 0]]
  /\ UNCHANGED <<replica, inst, zombie>>

(* A's snapshots are honest: the rows of exactly this position, of the log's present epoch, perhaps from a while ago. *)
Snapshots ==
  LET At(n) == [p \in Partitions |-> [e |-> log[p].epoch, n |-> n[p]]] IN
  IF ~Stale THEN {At([p \in Partitions |-> log[p].head])}
  ELSE {At(n): n \in {n \in [Partitions -> -1..MaxRecords]:
         \A p \in Partitions: n[p] <= log[p].head /\ (n[p] = -1 => p \in Late /\ log[p].epoch = 1)}}

(***************************************************************************)
(* How the replica stands, and whether its position can be followed        *)
(***************************************************************************)

(* (6) *)
Verdict(p, mark) ==
  IF mark.n = -2 THEN "ok"
  ELSE IF mark.e # log[p].epoch THEN "gone"
  ELSE IF Through(mark) < log[p].base THEN "expired"
  ELSE IF mark.n > log[p].seen /\ ~Keeps("7") THEN "gone"
  ELSE "ok"

Judged(lost, pos) == [p \in Partitions |->
  LET verdict == Verdict(p, pos[p]) IN IF verdict = "ok" THEN lost[p] ELSE verdict]

(* (9) Offsets are compared by number alone. A partition whose history is gone isn't part of the floor. *)
Covers(snapshot, pos, lost) ==
  \A p \in Partitions: lost[p] = "gone" \/ Through(snapshot[p]) >= Through(pos[p])

(* (19) Cursors of another term, and idle ones, are started anew when `term` is served. *)
Served(cursors, term) == [p \in Partitions |->
  IF cursors[p].term = term /\ ~(cursors[p].idle /\ Keeps("19")) THEN cursors[p]
  ELSE IF Keeps("19") \/ cursors[p].term = 0 THEN NoCursor ELSE cursors[p]]

(* Only an unknown outcome of `take` lets a term be served again: else what was read under it is forgotten at once. *)
Unserved(cursors) == IF left.unknown > 0 \/ ~Keeps("4") \/ ~Keeps("19") THEN cursors ELSE NoCursors

(* Loads and verifies, for whoever knows no better. One step: what the log does in between might as well come before. *)
Look(i, me) ==
  LET serving == IF replica.state = "ready" /\ me.serving = replica.term THEN me.serving ELSE 0
      known == IF serving # 0 \/ ~Keeps("14") THEN me.lost ELSE AllOk
      lost == IF Keeps("6") THEN Judged(known, replica.pos) ELSE known
      seen == [state |-> replica.state, term |-> replica.term, pos |-> replica.pos]
      now == [me EXCEPT !.held = 0, !.snap = None, !.resumed = FALSE] IN
  CASE replica.state = "empty" ->
         Become(i, [now EXCEPT !.at = "opening", !.serving = 0, !.cursor = Unserved(@), !.seen = seen, !.lost = known])
    [] replica.state = "bootstrapping" ->
         Become(i, [now EXCEPT !.at = "waiting", !.serving = 0, !.cursor = Unserved(@), !.seen = [seen EXCEPT !.pos = None],
                               !.lost = IF Keeps("14 while waiting") THEN known ELSE me.lost])
    [] replica.state = "ready" /\ lost = AllOk ->
         Become(i, [now EXCEPT !.at = "following", !.serving = replica.term, !.cursor = Served(@, replica.term),
                               !.seen = Down.seen, !.lost = AllOk])
    [] OTHER ->
         Become(i, [now EXCEPT !.at = "opening", !.serving = replica.term, !.cursor = Served(@, replica.term),
                               !.seen = seen, !.lost = lost])

Start(i) ==
  /\ inst[i].at = "down"
  /\ Look(i, Down)
  /\ UNCHANGED <<log, replica, left, zombie>>

(* (16) *)
Wait(i) ==
  LET me == inst[i] IN
  /\ me.at = "waiting"
  /\ IF replica.state = "bootstrapping" /\ replica.term = me.seen.term
     THEN /\ Keeps("16 never")
          /\ Takeover = "dead" /\ Keeps("16 at once") => \A j \in Instances: inst[j].held # replica.term
          /\ Become(i, [me EXCEPT !.at = "opening", !.seen.pos = replica.pos])
     ELSE Look(i, me)
  /\ UNCHANGED <<log, replica, left, zombie>>

(* (19) Each instance looks at the term, idle or not. *)
Watch(i) ==
  /\ inst[i].serving # 0
  /\ replica.state # "ready" \/ replica.term # inst[i].serving
  /\ Look(i, inst[i])
  /\ UNCHANGED <<log, replica, left, zombie>>

(***************************************************************************)
(* The bootstrap                                                           *)
(***************************************************************************)

(* (15) Without a term all partitions are asked about before A is: nobody may have looked at a dead bootstrapper's position. *)
Acceptable(snapshot, me) ==
  Covers(snapshot, IF Keeps("9") THEN me.seen.pos ELSE None,
         IF me.held = 0 /\ Keeps("15 before a takeover") THEN Judged(me.lost, me.seen.pos) ELSE me.lost)

(* (12) The term is taken after A has answered. *)
Open(i) ==
  LET me == inst[i] IN
  /\ me.at = "opening"
  /\ \E snapshot \in Snapshots:
       \E resumed \in IF Resume /\ replica.seal # None THEN BOOLEAN ELSE {FALSE}:
         /\ Acceptable(snapshot, me)
         /\ Become(i, [me EXCEPT !.at = IF me.held = 0 THEN "taking" ELSE IF Resume THEN "staging" ELSE "swapping",
                                 !.serving = 0, !.cursor = Unserved(@), !.snap = snapshot, !.resumed = resumed])
  /\ UNCHANGED <<log, replica, left, zombie>>

(* (15) Below the floor, under the term: all partitions are judged again. *)
Refuse(i) ==
  LET me == inst[i] IN
  /\ me.at = "opening" /\ me.held # 0
  /\ \E snapshot \in Snapshots: ~Acceptable(snapshot, me)
  /\ Become(i, [me EXCEPT !.lost = IF Keeps("15") THEN Judged(@, me.seen.pos) ELSE @])
  /\ UNCHANGED <<log, replica, left, zombie>>

(* Below the floor, before the term is taken: a fresh look, after a pause. *)
OpenBelow(i) ==
  LET me == inst[i] IN
  /\ me.at = "opening" /\ me.held = 0
  /\ \E snapshot \in Snapshots: ~Acceptable(snapshot, me)
  /\ Look(i, me)
  /\ UNCHANGED <<log, replica, left, zombie>>

(* A is away. *)
Away(i) ==
  /\ inst[i].at = "opening" /\ inst[i].held = 0
  /\ Spend("break")
  /\ Look(i, inst[i])
  /\ UNCHANGED <<log, replica, zombie>>

(* A's snapshot is cut off. *)
Break(i) ==
  /\ inst[i].at \in {"staging", "swapping"}
  /\ Spend("break")
  /\ inst' = [inst EXCEPT ![i].at = "opening", ![i].snap = None, ![i].resumed = FALSE]
  /\ UNCHANGED <<log, replica, zombie>>

StillTrue(seen) == seen.state = replica.state /\ seen.term = replica.term

(* (13) and at once (15). (25) What a dead bootstrapper has staged stays, anything else is dropped. *)
Take(i) ==
  LET me == inst[i]
      stays == Resume /\ replica.state = "bootstrapping" /\ replica.seal # None
      fits == me.resumed = stays /\ (stays => me.snap = replica.seal \/ ~Keeps("26"))
      lost == IF Keeps("15") THEN Judged(me.lost, me.seen.pos) ELSE me.lost IN
  /\ me.at = "taking"
  /\ IF StillTrue(me.seen) \/ ~Keeps("13")
     THEN /\ replica.term < MaxTerm
          /\ replica' = [replica EXCEPT !.state = "bootstrapping", !.term = @ + 1,
                           !.staged = IF stays THEN @ ELSE None, !.seal = IF stays THEN @ ELSE None]
          /\ Become(i, [me EXCEPT !.held = replica.term + 1, !.lost = lost,
                          !.seen.pos = IF Keeps("10 but when taking") THEN @ ELSE replica.pos,
                          !.at = IF ~fits THEN "opening" ELSE IF Resume THEN "staging" ELSE "swapping",
                          !.snap = IF fits THEN @ ELSE None, !.resumed = fits /\ @])
     ELSE Look(i, me) /\ UNCHANGED replica
  /\ UNCHANGED <<log, left, zombie>>

(* The connection broke: perhaps the term is taken, and nobody knows that it is theirs. *)
TakeUnknown(i) ==
  LET me == inst[i] IN
  /\ me.at = "taking" /\ StillTrue(me.seen)
  /\ Spend("unknown")
  /\ \/ Look(i, me) /\ UNCHANGED replica
     \/ /\ replica.term < MaxTerm
        /\ replica' = [replica EXCEPT !.state = "bootstrapping", !.term = @ + 1, !.staged = None, !.seal = None]
        /\ Become(i, Down)
  /\ UNCHANGED <<log, zombie>>

Holds(me) == replica.state = "bootstrapping" /\ replica.term = me.held

(* One step for the rows of each partition. (26) The first keeps what is staged only if it is of the same snapshot. *)
Stage(i) ==
  LET me == inst[i]
      goesOn == me.at = "stagingOn" \/ (me.resumed /\ (replica.seal = me.snap \/ ~Keeps("26")))
      before == IF goesOn THEN replica.staged ELSE None
      p == CHOOSE p \in Partitions: before[p].n = -2
      after == IF \A r \in Partitions: before[r].n # -2 THEN before ELSE [before EXCEPT ![p] = me.snap[p]] IN
  /\ me.at \in {"staging", "stagingOn"}
  /\ IF Holds(me)
     THEN /\ replica' = [replica EXCEPT !.staged = after, !.seal = me.snap,
                           !.rows = IF Keeps("25") THEN @ ELSE [@ EXCEPT ![p] = RowsAt(me.snap[p])]]
          /\ Become(i, [me EXCEPT !.resumed = FALSE,
                          !.at = IF \E r \in Partitions: after[r].n = -2 THEN "stagingOn" ELSE "swapping"])
     ELSE Look(i, me) /\ UNCHANGED replica
  /\ UNCHANGED <<log, left, zombie>>

(* (9, 10) The floor is of the position stored here and now. (2) Rows and position in one transaction. *)
Swap(i) ==
  LET me == inst[i]
      floor == IF ~Keeps("9") THEN None
               ELSE IF Keeps("10") /\ Keeps("10 but when taking") THEN replica.pos ELSE me.seen.pos
      staged == IF Resume THEN replica.staged ELSE me.snap IN
  /\ me.at = "swapping"
  /\ IF ~Holds(me) THEN Look(i, me) /\ UNCHANGED replica
     ELSE IF Covers(me.snap, floor, me.lost)
     THEN /\ replica' = [replica EXCEPT !.state = "ready", !.staged = None, !.seal = None,
                           !.rows = [p \in Partitions |-> RowsAt(staged[p])], !.pos = me.snap]
          /\ Become(i, [me EXCEPT !.at = "following", !.serving = me.held, !.held = 0, !.cursor = Served(@, me.held),
                                  !.seen = Down.seen, !.snap = None, !.lost = AllOk])
     ELSE /\ replica' = [replica EXCEPT !.staged = None, !.seal = None]
          /\ Become(i, [me EXCEPT !.at = "opening", !.snap = None,
                                  !.lost = IF Keeps("15") THEN Judged(@, me.seen.pos) ELSE @])
  /\ UNCHANGED <<log, left, zombie>>

(* (22) The budget ends, wherever it stands. *)
GiveBack(i) ==
  LET me == inst[i]
      serving == IF me.seen.state = "ready" THEN me.held ELSE 0 IN
  /\ me.held # 0 /\ Holds(me)
  /\ Spend("refuse")
  /\ replica' = [replica EXCEPT !.state = IF replica.pos = None THEN "empty" ELSE "ready", !.staged = None, !.seal = None]
  /\ Become(i, [me EXCEPT !.at = "resting", !.serving = serving, !.held = 0, !.snap = None, !.resumed = FALSE,
                          !.seen = Down.seen, !.cursor = IF serving = 0 THEN @ ELSE Served(@, serving)])
  /\ UNCHANGED <<log, zombie>>

Wake(i) ==
  /\ inst[i].at = "resting"
  /\ Look(i, inst[i])
  /\ UNCHANGED <<log, replica, left, zombie>>

(***************************************************************************)
(* Reading and applying                                                    *)
(***************************************************************************)

Live(cursor) == cursor.term # 0 /\ ~cursor.idle /\ ~cursor.dropped
CanFollow(p, cursor) == cursor.e = log[p].epoch /\ cursor.at >= log[p].base

(* (4) The start is asked of the replica, under the term that is served. (5) What isn't named starts at its beginning. *)
StartOf(p, term) ==
  LET mark == replica.pos[p]
      named == IF mark.n < 0 /\ ~Keeps("5") THEN Max(log[p].seen, 0) ELSE Through(mark) IN
  [NoCursor EXCEPT !.term = term,
     !.e = IF Keeps("6") THEN mark.e ELSE log[p].epoch,
     !.at = IF Keeps("6") THEN named ELSE Max(named, log[p].base)]

CanStart(me) == me.serving # 0 /\ replica.state = "ready" /\ replica.term = me.serving

CursorOf(me, p) == IF me.cursor[p] = NoCursor /\ CanStart(me) THEN StartOf(p, me.serving) ELSE me.cursor[p]

Read(i, p) ==
  LET me == inst[i]
      cursor == CursorOf(me, p) IN
  /\ log[p].head >= 0
  /\ Live(cursor) /\ me.batch[p] = NoBatch
  /\ \/ /\ cursor.term = me.serving \/ ~Keeps("4")
        /\ CanFollow(p, cursor) /\ cursor.at < log[p].seen
        /\ Become(i, [me EXCEPT !.cursor[p] = [cursor EXCEPT !.at = @ + 1],
                                !.batch[p] = [term |-> cursor.term, e |-> cursor.e, after |-> cursor.at]])
     \/ (* no term is served now: it isn't acknowledged, and its cursor has to be started anew *)
        /\ me.at # "down" /\ me.serving = 0 /\ ~Keeps("19 for what was dropped")
        /\ CanFollow(p, cursor) /\ cursor.at < log[p].seen
        /\ Become(i, [me EXCEPT !.cursor[p].dropped = TRUE])
  /\ UNCHANGED <<log, replica, left, zombie>>

(* Without (4) only: reading begins before the first snapshot, and goes on with it after the swap. *)
ReadEarly(i, p) ==
  /\ ~Keeps("4") /\ inst[i].at = "opening" /\ replica.state = "empty" /\ inst[i].cursor[p] = NoCursor
  /\ inst' = [inst EXCEPT ![i].cursor[p] = [NoCursor EXCEPT !.term = replica.term + 1, !.e = log[p].epoch]]
  /\ UNCHANGED <<log, replica, left, zombie>>

(* Without (5) only, where it matters when reading begins: otherwise that is one step with the first delivery. *)
Begin(i, p) ==
  /\ ~Keeps("5") /\ log[p].head >= 0 /\ inst[i].cursor[p] = NoCursor /\ CanStart(inst[i])
  /\ inst' = [inst EXCEPT ![i].cursor[p] = StartOf(p, inst[i].serving)]
  /\ UNCHANGED <<log, replica, left, zombie>>

(* (6) inside `read`: never from another offset without a word. *)
Lose(i, p) ==
  LET me == inst[i]
      cursor == CursorOf(me, p) IN
  /\ me.at = "following"
  /\ Live(cursor) /\ cursor.term = me.serving /\ ~CanFollow(p, cursor)
  /\ replica.state = "ready" /\ replica.term = me.serving
  /\ Look(i, [me EXCEPT !.cursor[p] = [cursor EXCEPT !.idle = TRUE],
                        !.lost[p] = IF cursor.e # log[p].epoch THEN "gone" ELSE "expired"])
  /\ UNCHANGED <<log, replica, left, zombie>>

(* (11, 18, 19, 20, 21) One transaction that compares term, state and `after`. *)
Apply(i, p) ==
  LET me == inst[i]
      batch == me.batch[p]
      stands == Through(replica.pos[p])
      accepted == \/ replica.state = "ready" /\ (replica.term = batch.term \/ ~Keeps("18"))
                  \/ replica.state = "bootstrapping" /\ replica.pos # None /\ ~Keeps("11")
      done == [me EXCEPT !.batch[p] = NoBatch] IN
  /\ batch # NoBatch /\ batch.after >= 0
  /\ ~Keeps("4") => replica.state = "ready"
  /\ IF ~accepted
     THEN /\ IF me.serving = batch.term THEN Look(i, [done EXCEPT !.cursor[p].idle = TRUE]) ELSE Become(i, done)
          /\ UNCHANGED <<replica, zombie>>
     ELSE IF stands = batch.after \/ ~Keeps("2 compared")
     THEN /\ replica' = [replica EXCEPT !.rows[p] = With(IF replica.pos[p].n = -1 THEN [@ EXCEPT !.e = batch.e] ELSE @,
                                                         batch.e, batch.after + 1),
                                        !.pos[p].n = IF Keeps("2") THEN batch.after + 1 ELSE @]
          /\ Become(i, IF Keeps("2") THEN done ELSE [me EXCEPT !.batch[p].after = -1])
          /\ zombie' = (zombie \/ replica.term # batch.term)
     ELSE /\ Become(i, IF stands = batch.after + 1 \/ ~Keeps("20") THEN done ELSE [done EXCEPT !.cursor[p] = NoCursor])
          /\ UNCHANGED <<replica, zombie>>
  /\ UNCHANGED <<log, left>>

(* Without (2) only: the position follows its rows in a transaction of its own. *)
ApplyPosition(i, p) ==
  /\ inst[i].batch[p].after = -1
  /\ replica' = [replica EXCEPT !.pos[p].n = Through(replica.pos[p]) + 1]
  /\ inst' = [inst EXCEPT ![i].batch[p] = NoBatch]
  /\ UNCHANGED <<log, left, zombie>>

(***************************************************************************)
(* A frozen instance is one that takes no step for a while.                *)
(***************************************************************************)

Crash(i) ==
  /\ inst[i].at # "down"
  /\ Spend("crash")
  /\ Become(i, Down)
  /\ UNCHANGED <<log, replica, zombie>>

Next ==
  \/ \E p \in Partitions: Publish(p) \/ Reflect(p) \/ Add(p) \/ Trim(p) \/ Recreate(p)
  \/ \E i \in Instances:
       \/ Start(i) \/ Wait(i) \/ Watch(i) \/ Open(i) \/ OpenBelow(i) \/ Refuse(i) \/ Away(i) \/ Break(i)
       \/ Take(i) \/ TakeUnknown(i) \/ Stage(i) \/ Swap(i) \/ GiveBack(i) \/ Wake(i) \/ Crash(i)
       \/ \E p \in Partitions: Read(i, p) \/ ReadEarly(i, p) \/ Begin(i, p) \/ Lose(i, p) \/ Apply(i, p) \/ ApplyPosition(i, p)

Spec == Init /\ [][Next]_vars

(***************************************************************************)
(* What is always true                                                     *)
(***************************************************************************)

I1_NoLoss == \A p \in Partitions: \A n \in 1..replica.pos[p].n: replica.rows[p].got[n] > 0

I2_NoDouble == \A p \in Partitions:
  replica.rows[p].alien = 0 /\ \A n \in 1..MaxRecords: replica.rows[p].got[n] <= 1

(* Nothing is passed over between the position and what is read next. *)
I4_NeverLatest == replica.state = "ready" => \A i \in Instances: inst[i].serving = replica.term => \A p \in Partitions:
  LET cursor == inst[i].cursor[p] IN
  cursor.term = replica.term /\ Live(cursor) =>
    cursor.at <= Through(replica.pos[p]) + (IF inst[i].batch[p] = NoBatch THEN 0 ELSE 1)

(* I5, I6: readers see the rows of the position: no effect without its position, and nothing that is staged. *)
I6_RowsAreOfThePosition == \A p \in Partitions:
  /\ \A n \in (Through(replica.pos[p]) + 1)..MaxRecords: replica.rows[p].got[n] = 0
  /\ replica.pos[p].n > 0 => replica.rows[p].e = replica.pos[p].e

(* A position stands lower than before only where the history that it was of is gone from the log. *)
I8_NeverBack == [][replica.pos # None => \A p \in Partitions:
  LET old == replica.pos[p] new == replica'.pos[p] IN
  log[p].epoch # old.e \/ new.e > old.e \/ (new.e = old.e /\ Through(new) >= Through(old))]_vars

I11_OneWriter == ~zombie

(* (13, 14, 16) One reason, one snapshot: where nobody takes over from the living. *)
Reasons == Crashes + Trims + Recreations + Refusals + Unknowns
           - (left.crash + left.trim + left.recreate + left.refuse + left.unknown)
OneReasonOneTerm == replica.term <= 1 + Reasons

(***************************************************************************)
(* No dead end: once the faults are over, everything published arrives.    *)
(***************************************************************************)

(* What an instance does next by itself, and with a partition: when it can, it does in the end. A may answer, or not: it does. *)
Handoff(i) ==
  Start(i) \/ Wait(i) \/ Watch(i) \/ Wake(i) \/ Open(i) \/ OpenBelow(i) \/ Refuse(i)
  \/ Take(i) \/ Stage(i) \/ Swap(i)
Reading(i, p) == Read(i, p) \/ Lose(i, p) \/ Apply(i, p)

Fairness ==
  /\ \A p \in Partitions: WF_vars(Reflect(p))
  /\ \A i \in Instances: WF_vars(Handoff(i)) /\ \A p \in Partitions: WF_vars(Reading(i, p))

FairSpec == Spec /\ Fairness

AllIn == replica.state = "ready" /\ \A p \in Partitions:
  log[p].head >= 0 => replica.pos[p].e = log[p].epoch /\ Through(replica.pos[p]) = log[p].head

(* Where the terms of this model run out, nothing can be said. *)
NoDeadEnd == <>[](AllIn \/ replica.term = MaxTerm)

Symmetry == Permutations(Instances)
=============================================================================
