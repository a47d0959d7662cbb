"""A simulated community: the node's engine and folds over a network, disks and clocks that lie.

One seed decides everything: who says and trades what, which frames are late, lost, doubled or out
of order, who crashes, whose clock is wrong, who cheats. `python -m simulator` runs many seeds and
says, for one that fails, what broke, the smallest history found that breaks it, and how to run it
again.

    town     who lives there: keys, founding document, first records (made once, then copied)
    network  events in virtual time; links that frames and hints travel on
    store    a node's records: durable or not, folded, refolded after a crash
    node     a store, its conversations with neighbours, its crashes
    member   what an honest program does: talks, sells, pays, accepts, settles, claims, stamps
    hostile  what others do: fork, withhold, flood, lie
    checks   what must always hold, and what must hold when everything has healed
    world    one life: its steps carried out, healed, checked
    plans    a life from a seed, and smaller lives that break the same promise
"""
