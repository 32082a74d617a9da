"""The terms that the reports use in a sentence each."""

from leap.icp.grades import MAX_Q

TERMS = (
    ("ICP", "Ideal customer profile: what is true of a company before it buys, and how such accounts did later."),
    ("Established, emerging profile", "Where the base is already, and where few are won yet but the newest do well."),
    ("Negative profile", "Conditions whose accounts kept less revenue or left more often."),
    ("Price", "What each account of a negative profile later pays less a year than others that paid as much before."),
    (
        "Hypothesis",
        "A profile that something suggests and no measurement has shown: to be tried on a few accounts, in no list.",
    ),
    ("Inside, outside", "Accounts that meet the conditions, and all others."),
    (
        "Difference",
        "Inside less outside, in points of a hundred. It is an association: accounts that meet the conditions did "
        "better or worse. It does not say that changing the condition would change the outcome.",
    ),
    (
        "95 % interval",
        "The range in which the figure lies when accounts are drawn anew, 19 times in 20. An interval that holds zero "
        "shows no difference.",
    ),
    (
        "Found on, measured on",
        "Rules are chosen on earlier accounts and measured on later, other accounts, so that no rule is praised for "
        "what it was chosen for.",
    ),
    (
        "False-discovery rate",
        "Of all measured rules that look at least this good, the share expected to be chance. A profile has up to "
        f"{MAX_Q:.0%}.",
    ),
    (
        "Must, strong, useful",
        "How large and how sure the difference of an attribute is. Must: such companies are another business, in every "
        "later period.",
    ),
    ("Won already", "Of the customers and prospects that meet a profile now, the share that are customers."),
    (
        "Buying signal",
        "Something that happened lately and says that a company may buy now. It says nothing of whether it stays.",
    ),
    ("Rules tried", "How many conditions and pairs were looked at on the earlier accounts; the more, the more luck."),
    ("MRR", "Monthly recurring revenue, net of recurring discounts."),
    ("NRR", "Net revenue retention: what the accounts of a date pay a horizon later over what they paid then."),
    ("GRR", "Gross revenue retention: the same without any growth, account by account; never above 100%."),
    ("Churn, logo churn", "The share of accounts that no longer pay at the end of the horizon, by count."),
    ("Churn of MRR", "The share of the starting MRR whose accounts no longer pay at the end of the horizon."),
    ("Contraction", "What accounts that stayed pay less, as a share of the starting MRR."),
    ("Expansion", "What accounts that stayed pay more, as a share of the starting MRR."),
    ("CAC", "Cost of acquiring a customer: what was spent to win it, on average."),
    ("Payback", "Months until the margin of a new customer has paid its CAC back; with churn: counting who leaves."),
    ("Value of 12 months", "Discounted margin, less cost to serve, that an account brought in the last twelve months."),
    (
        "Expected value",
        "Discounted margin, less cost to serve, that an account is expected to bring from now on, as long as it stays.",
    ),
    ("LTV : CAC", "Value of thirty-six months over CAC."),
    ("Bookings", "The MRR that new customers began with."),
    ("Win rate", "Won deals over closed deals."),
    ("Driver", "Attributes of one family or that say nearly the same, and their share of what moves NRR in the model."),
    ("Base", "What the model says of an account of which nothing is known; reasons lead from it to the score."),
    (
        "What if",
        "What the model says of accounts that have other values: a comparison of accounts, and no promise of what "
        "follows for one that is changed.",
    ),
    (
        "Do not act yet",
        "A driver's direction or size did not hold over refits of the model, or it did not help on later accounts, or "
        "that cannot be told from chance; wait for more history.",
    ),
    ("Out of time", "Judged on what followed after the data that the model had seen ended."),
    ("AUC", "How often, of an account with the event and one without, the right one is ranked higher; chance is 0.50."),
    ("Brier skill", "How much nearer the probabilities are to what happened than the base rate; 0 is no nearer."),
    ("Account error", "Mean distance of a prediction from what followed; the baseline says one figure for all."),
    ("Calibration", "Whether the predicted average equals the observed one; slope 1 is right, below 1 is too extreme."),
    ("Baseline", "What is said without any model: the rate or average of the training rows."),
    ("Horizon", "How many months ahead an outcome is looked for."),
    ("Grace", "Days after the horizon in which an account that pays again has not left."),
    ("Known at", "When a row could be known: a score as of a date is made of what was known before, of no later row."),
    (
        "Quarantined",
        "Rows that break a rule are set aside and used for nothing; all rows read are either used or quarantined.",
    ),
    ("Definition hash", "Changes when a definition behind the numbers does; equal hashes can be compared."),
)  # fmt: skip
