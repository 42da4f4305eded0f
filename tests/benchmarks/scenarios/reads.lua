-- The requests of a file in turn, again and again: method, path and body of each by tabs. Arguments: file, access token.

local the_thread

function setup(thread)
  the_thread = thread
end

function init(args)
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. args[2] }
  requests, n, answered, refused, first_refusal = {}, 0, 0, 0, ""
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+)\t(%S+)\t(.*)$")
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  n = n % #requests + 1
  return requests[n]
end

function response(status, headers, body)
  answered = answered + 1
  if status ~= 200 then
    refused = refused + 1
    if refused == 1 then first_refusal = status .. " " .. body end
  end
end

function done(summary, latency, requests)
  local get = function(name) return the_thread:get(name) end
  io.write(string.format("RESULT %d %d %d %d %d\n", get("answered"), get("refused"), summary.duration,
    latency:percentile(50), latency:percentile(99)))
  if get("refused") > 0 then io.write("REFUSAL " .. get("first_refusal"):gsub("%s+", " ") .. "\n") end
end
