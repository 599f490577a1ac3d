# Reference values for Gray's test, the Fine-Gray model, multi-state occupancy, pseudo-values and aareg beyond the
# usual cases: strata, groups without events, ties, late entry, return to a state.
# Rscript competing_states.R > competing_states.json   (from this folder)
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})
num <- function(x) { x <- signif(x, 15); x }
set.seed(20140301)
n <- 60
d <- data.frame(time = pmin(ceiling(rexp(n, 0.08)), 30), group = rep(c("a", "b", "c"), length.out = n),
                stratum = rep(c("x", "y"), each = n / 2), x1 = round(rnorm(n), 3), x2 = rbinom(n, 1, 0.4))
d$cause <- ifelse(d$time == 30, 0, sample(0:2, n, TRUE, c(0.3, 0.4, 0.3)))
plain <- d
silent <- d; silent$cause[silent$group == "b" & silent$cause == 1] <- 0
tests <- function(d, ...) {
  z <- with(d, cuminc(time, cause, group, ...))$Tests
  list(cause = as.integer(rownames(z)), statistic = num(z[, 1]), p_value = num(z[, 2]), df = z[, 3])
}
gray <- list(
  list(id = "strata", data = plain, rho = 0, strata = TRUE, tests = with(plain, tests(plain, strata = stratum))),
  list(id = "strata, rho 0.5", data = plain, rho = 0.5, strata = TRUE,
       tests = tests(plain, strata = plain$stratum, rho = 0.5)),
  list(id = "group without the event", data = silent, rho = 0, strata = FALSE, tests = tests(silent)))
fit <- function(d, cause, ...) {
  x <- as.matrix(d[, c("x1", "x2")])
  m <- crr(d$time, d$cause, x, failcode = cause, ...)
  at <- rbind(c(0, 0), c(0.5, 1))
  list(coef = num(unname(m$coef)), std_error = num(sqrt(diag(m$var))), loglik = num(m$loglik),
       loglik_null = num(m$loglik.null), score = num(unname(m$score)), time = m$uftime, baseline = num(m$bfitj),
       converged = m$converged, variance = num(m$var), predict_at = at, predict = num(unclass(predict(m, at))))
}
fine_gray <- list(
  list(id = "cause 1", data = plain, failure = 1, censoring_group = FALSE, model = fit(plain, 1)),
  list(id = "cause 2", data = plain, failure = 2, censoring_group = FALSE, model = fit(plain, 2)),
  list(id = "censoring by stratum", data = plain, failure = 1, censoring_group = TRUE,
       model = fit(plain, 1, cengroup = plain$stratum)),
  list(id = "tight", data = plain, failure = 1, censoring_group = FALSE, tight = TRUE,
       model = fit(plain, 1, gtol = 1e-14)))
# Histories over three states and death, with returns and late entry.
rows <- list()
for (i in 1:40) {
  now <- if (i %% 4 == 0) sample(1:5, 1) else 0
  state <- sample(c("well", "ill"), 1, prob = c(0.7, 0.3))
  end <- now + sample(10:25, 1)
  repeat {
    stay <- sample(1:9, 1)
    stop <- min(now + stay, end)
    moved <- stop < end
    to <- if (moved) sample(setdiff(c("well", "ill", "dead"), state), 1, prob = c(0.75, 0.25)) else "none"
    rows[[length(rows) + 1]] <- data.frame(patient_id = i, start = now, stop = stop, from_state = state, to_state = to)
    now <- stop
    if (!moved || to == "dead") break
    state <- to
  }
}
h <- do.call(rbind, rows)
h$event <- factor(h$to_state, c("none", "well", "ill", "dead"))
f <- survfit(Surv(start, stop, event) ~ 1, h, id = patient_id, istate = from_state, conf.type = "log-log")
f2 <- survfit(Surv(start, stop, event) ~ 1, h, id = patient_id, istate = from_state, conf.type = "logit")
states <- list(data = h[, 1:5], p0 = num(unname(f$p0)), states = f$states, time = f$time, probability = num(f$pstate),
               std_error = num(f$std.err), lower = num(f$lower), upper = num(f$upper), lower_logit = num(f2$lower),
               upper_logit = num(f2$upper), n_risk = f$n.risk)
# Competing risks as states: pseudo-values of the incidence and of the time lost.
e <- survfit(Surv(time, factor(cause)) ~ 1, plain)
p <- pseudo(e, times = c(5, 12), type = "pstate")
q <- pseudo(e, times = c(5, 12), type = "sojourn")
pseudo_values <- list(data = plain, at = c(5, 12), incidence = num(p[, , 2]), event_free = num(p[, , 1]),
                      time_lost = num(q[, , 2]))
plain$any <- as.integer(plain$cause > 0)
additive <- lapply(c("aalen", "nrisk"), function(test) {
  a <- aareg(Surv(time, any) ~ x1 + x2, plain, test = test, nmin = 10)
  s <- summary(a)
  list(test = test, n_min = 10, table = num(unname(s$table)), statistic = num(as.numeric(s$chisq)))
})
session <- capture.output(sessionInfo())
writeLines(session, "competing_states.sessionInfo.txt")
cat(toJSON(list(gray = gray, fine_gray = fine_gray, states = states, pseudo = pseudo_values,
                additive = list(data = plain, models = additive)), digits = NA, auto_unbox = TRUE, na = "string",
           dataframe = "columns"))
