-- wrk's side of `frontrow bench`. Arguments: PATH BODIES KEY
--   BODIES  a file with one request body per line, each sent once and in order ("-": GET without a body)
--   KEY     "-", or the beginning of the Idempotency-Key that every request gets one of
-- One thread. No response callback: wrk counts statuses by itself, and Lua would cost more than the server.

local path, key, headers, bodies, sent

function init(args)
   path, key = args[1], args[3]
   headers, bodies, sent = {["Content-Type"] = "application/json"}, nil, 0
   if args[2] ~= "-" then
      bodies = {}
      for line in io.lines(args[2]) do
         bodies[#bodies + 1] = line
      end
   end
end

function request()
   if bodies == nil then
      return wrk.format("GET", path)
   end
   sent = sent + 1
   if key ~= "-" then
      headers["Idempotency-Key"] = key .. sent
   end
   return wrk.format("POST", path, headers, bodies[(sent - 1) % #bodies + 1])
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      'RESULT {"requests":%d,"refused":%d,"lost":%d,"microseconds":%d,"p50_us":%d,"p99_us":%d}\n',
      summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
      summary.duration, latency:percentile(50), latency:percentile(99)))
end
